"""A slot: each process that an executor runs tasks in keeps a session for as long as the tasks are of one kind."""

import atexit
import contextlib
import platform
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from grader.course.fingerprint import hash_of_course
from grader.course.settings import CourseError, read_settings
from grader.grading.session import CannotGrade, Session, open_session
from grader.intake.parcel import Parcel, unpack
from grader.records.errors import UsageError
from grader.records.grade import Record
from grader.records.limits import Level

NAME = "submission"
"""What a submission is called where its name must not matter: those with one content are graded once."""
_SOURCES = 1 << 20
"""Bytes of code that are kept of a submission."""


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


def perform(task: Task) -> Graded:
    """Grade one submission in the slot of this thread; nothing that happens makes it raise."""
    try:
        session = _KEPT.session_for(task.kind)
    except (CannotGrade, CourseError, UsageError) as problem:
        return Graded(None, refused=str(problem))
    except Exception as problem:
        return Graded(None, fault=f"{type(problem).__name__}: {problem}")
    sources: dict[str, bytes] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="grade-task-") as folder:
            graded = session.record(
                unpack(task.parcel, Path(folder)),
                name=NAME,
                seed=task.seed,
                chosen=task.kind.exercises,
                left_out=task.parcel.notes,
                staged=lambda submission: sources.update(_sources(session.jail.spool / submission.entry)),
            )
    except Exception as problem:
        _KEPT.close()  # the next task gets a fresh one
        return Graded(None, fault=f"{type(problem).__name__}: {problem}")
    if graded.faults:
        _KEPT.close()
    record = graded.record
    record = msgspec.structs.replace(record, grade=msgspec.structs.replace(record.grade, submission=NAME))
    return Graded(record, sources, "\n".join(graded.faults) or None)


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
    """The session of a thread, open until a task of another kind comes or the process ends."""

    kind: Kind | None = None

    def session_for(self, kind: Kind) -> "Session":
        """The session for tasks of this kind. Raises what `open_session` raises."""
        if self.kind != kind:
            self.close()
            self._stack = contextlib.ExitStack()
            atexit.register(self._stack.close)
            self._session = self._stack.enter_context(_opened(kind))
            self.kind = kind
        return self._session

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
def _opened(kind: Kind) -> "Iterator[Session]":
    settings = read_settings(Path(kind.course))
    found, where = hash_of_course(settings), f"{kind.course} on {platform.node() or 'a node'}"
    if found != kind.course_hash:
        raise CannotGrade(
            f"the course in {where} is not the same there as here (hash {found}, expected {kind.course_hash}): "
            f"bring both to one version"
        )
    with contextlib.ExitStack() as stack:
        with _OPENING:
            if _LOADED.setdefault(kind.course, found) != found:
                raise CannotGrade(
                    f"the course in {where} was changed since a process there loaded it: restart what grades there"
                )
            opened = open_session(settings, kind.exercises, device=kind.device, required=kind.required)
            session = stack.enter_context(opened)
        yield session
