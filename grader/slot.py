"""A slot: a warm zygote and a loaded course that grade one submission after another.

`grade submit` opens one for a single submission. In a batch each process that an executor runs tasks in keeps its own
for as long as the tasks are of one kind.
"""

import atexit
import contextlib
import platform
import shlex
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from grader.parcels import Parcel, unpack
from grader.plain import one_line
from grader.records import LEVELS, Conditions, Level, Record
from grader.settings import CourseError, Settings, bundled, read_settings
from grader.submissions import Submission

if TYPE_CHECKING:
    from grader.calibration import Calibration
    from grader.course import Course
    from grader.exercise import Exercise
    from grader.jail.host import Zygote
    from grader.jail.isolation import Isolation

NAME = "submission"
"""What a submission is called where its name must not matter: those with one content are graded once."""
_SOURCES = 1 << 20
"""Bytes of code that are kept of a submission."""


class Refused(Exception):
    """This slot cannot grade at all; why and what to do, in one line."""


class Kind(msgspec.Struct, frozen=True):
    """What all tasks of a batch have in common."""

    course: str
    """The course's folder, as the machine that grades sees it."""
    course_hash: str
    exercises: list[str]
    """The ids to grade; none: all."""
    device: str
    required: Level
    """The isolation that must be reached."""


class Task(msgspec.Struct, frozen=True):
    """One submission to grade. It may be graded twice, where a machine dies: the same comes of it."""

    kind: Kind
    seed: int
    parcel: Parcel


class Graded(msgspec.Struct, frozen=True):
    """What a task came to."""

    record: Record | None
    """None where a fault of ours kept from grading."""
    sources: dict[str, bytes] = {}
    """The code that was graded, unpacked."""
    fault: str | None = None
    """What went wrong on our side, for whoever runs the batch; there may be a record all the same."""
    refused: str | None = None
    """Why no task of this kind can be graded there."""


@dataclass
class Slot:
    """An open slot; `open_slot` makes it."""

    course: "Course"
    exercises: "list[Exercise]"
    zygote: "Zygote"
    isolation: "Isolation"
    calibrations: "dict[tuple[str, str], Calibration]" = field(default_factory=dict)

    def grade(
        self,
        path: Path,
        *,
        name: str,
        seed: int,
        chosen: Sequence[str] = (),
        without: Path | None = None,
        left_out: Sequence[str] = (),
        check: "Callable[[str, str | None], None]" = lambda *_: None,
        staged: Callable[[Submission], None] = lambda _: None,
    ) -> tuple[Record, list[str]]:
        """Grade what lies at `path`; the record, and the tracebacks of our own faults.

        Args:
            name: what the submission is called in the command that repeats the grading.
            chosen: the ids that were asked for.
            without: a folder inside it that is no part of it.
            left_out: what was left out of it before, in the student's words.
            check: told what begins: an exercise's id, and a check in words.
            staged: shown the submission before it is graded.
        """
        from grader import calibration
        from grader.grading import grade
        from grader.records import Limits
        from grader.submissions import stage, unstage
        from grader.watch import Watch

        limits = Limits(**self.course.settings.limits)  # type: ignore[arg-type]
        formats = self.course.formats
        submission = stage(path, self.zygote, limits, without=without, formats=formats, left_out=left_out)
        evidence: dict[str, list] = {}
        faults: list[str] = []
        watch = Watch(
            check=check,
            fault=faults.append,
            figure=lambda exercise, figure: evidence.setdefault(exercise, []).append(figure),
            calibration=lambda exercise, of: self.calibrations.get((exercise, of)),
        )
        level = self.isolation.level
        try:
            staged(submission)
            result = grade(submission, self.exercises, self.course, self.zygote, level=level, seed=seed, watch=watch)
        finally:
            unstage(submission, self.zygote)
        rates = [calibration.statement(found) for found in self.calibrations.values()]
        return Record(result, self._conditions(name, chosen, seed, rates), evidence), faults

    def _conditions(self, name: str, chosen: Sequence[str], seed: int, error_rates: list[str]) -> Conditions:
        from grader.versions import versions

        folder, device = self.course.settings.folder, self.zygote.device
        options = [part for exercise in chosen for part in ("--exercise", exercise)]
        options += [] if folder == bundled() else ["--course", folder.name]
        options += [] if device == "cpu" else ["--device", device]
        command = shlex.join(["grade", "submit", one_line(name, 255), *options, "--seed", str(seed)])
        return Conditions(
            command, {**versions(), **self.zygote.device_versions}, self.isolation.probes, [], error_rates
        )


@contextlib.contextmanager
def open_slot(
    settings: Settings,
    ids: Sequence[str],
    isolate: "Callable[[Zygote, Isolation, bool], Isolation]",
    required: Level | None,
    *,
    show: Callable[[str, str | None], None] = lambda *_: None,
) -> Iterator[Slot]:
    """Start a zygote, load the course, measure the isolation. Raises `CourseError`, `JailError`, `Refused`.

    `isolate` chooses the device of trainings: it takes the isolation that a worker on the CPU has, and whether anything
    will be trained, and gives the isolation that a grading has.
    """
    from grader.jail.host import Zygote

    # started before our own import of torch: the two take a second each, side by side
    with Zygote(settings.packages) as zygote:
        import torch

        from grader.calibrating import measured_or_trained
        from grader.course import load_course
        from grader.jail.isolation import measure

        torch.set_num_threads(1)  # the worker needs the other processor, and small sums gain nothing here
        course = load_course(settings)
        exercises = course.pick(tuple(ids))
        isolation = measure(zygote)
        trains = any(exercise.trains for exercise in exercises)
        isolation = isolate(zygote, isolation, trains)
        if required is not None and LEVELS.index(isolation.level) < LEVELS.index(required):
            raise Refused(
                f"isolation '{required}' is required, this machine reaches '{isolation.level}': "
                f"{isolation.missing_for(required)}; see `grade doctor`"
            )
        if trains:
            zygote.prepare_training()
        yield Slot(course, exercises, zygote, isolation, measured_or_trained(course, exercises, zygote, show))


def perform(task: Task) -> Graded:
    """Grade one submission in the slot of this thread; nothing that happens makes it raise."""
    try:
        slot = _KEPT.slot_for(task.kind)
    except (Refused, CourseError) as problem:
        return Graded(None, refused=str(problem))
    except Exception as problem:
        return Graded(None, fault=f"{type(problem).__name__}: {problem}")
    sources: dict[str, bytes] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="grade-task-") as folder:
            record, faults = slot.grade(
                unpack(task.parcel, Path(folder)),
                name=NAME,
                seed=task.seed,
                chosen=task.kind.exercises,
                left_out=task.parcel.notes,
                staged=lambda submission: sources.update(_sources(slot.zygote.spool / submission.entry)),
            )
    except Exception as problem:
        _KEPT.close()  # the next task gets a fresh one
        return Graded(None, fault=f"{type(problem).__name__}: {problem}")
    if faults:
        _KEPT.close()
    record = msgspec.structs.replace(record, grade=msgspec.structs.replace(record.grade, submission=NAME))
    return Graded(record, sources, "\n".join(faults) or None)


def _sources(entry: Path) -> dict[str, bytes]:
    """The code of a staged submission, as far as there is room."""
    found: dict[str, bytes] = {}
    room = _SOURCES
    for file in sorted(entry.rglob("*.py")):
        data = file.read_bytes()
        if len(data) <= room:
            name = file.relative_to(entry).as_posix()
            found[name.encode("utf-8", "replace").decode()] = data  # a folder's name may be no UTF-8
            room -= len(data)
    return found


class _Kept(threading.local):
    """The slot of a thread, open until a task of another kind comes or the process ends."""

    kind: Kind | None = None

    def slot_for(self, kind: Kind) -> Slot:
        """The slot for tasks of this kind. Raises what `open_slot` raises."""
        if self.kind != kind:
            self.close()
            self._stack = contextlib.ExitStack()
            atexit.register(self._stack.close)
            self._slot = self._stack.enter_context(_opened(kind))
            self.kind = kind
        return self._slot

    def close(self) -> None:
        if self.kind is not None:
            self.kind = None
            atexit.unregister(self._stack.close)
            with contextlib.suppress(Exception):
                self._stack.close()


_KEPT = _Kept()
"""What a process keeps between tasks: an executor hands it nothing but the task."""
_OPENING = threading.Lock()
"""One thread at a time loads a course: another would find modules that have not been run to their end."""
_LOADED: dict[str, str] = {}
"""The hash that each course had when this process first loaded it: its modules stay as they were."""


@contextlib.contextmanager
def _opened(kind: Kind) -> Iterator[Slot]:
    from grader.course import hash_of
    from grader.devices import NoDevice, choose_device

    settings = read_settings(Path(kind.course))
    found, where = hash_of(settings), f"{kind.course} on {platform.node() or 'a node'}"
    if found != kind.course_hash:
        raise Refused(
            f"the course in {where} is not the same there as here (hash {found}, expected {kind.course_hash}): "
            f"bring both to one version"
        )

    def isolate(zygote: "Zygote", measured: "Isolation", trains: bool) -> "Isolation":
        if not trains and kind.device != "cuda":
            return measured
        try:
            return choose_device(kind.device, zygote, measured, required=kind.required, say=lambda _: None)
        except NoDevice as problem:
            raise Refused(str(problem)) from None

    with contextlib.ExitStack() as stack:
        with _OPENING:
            if _LOADED.setdefault(kind.course, found) != found:
                raise Refused(
                    f"the course in {where} was changed since a process there loaded it: restart what grades there"
                )
            slot = stack.enter_context(open_slot(settings, kind.exercises, isolate, kind.required))
        yield slot
