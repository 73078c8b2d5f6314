"""What an executor runs: a task in, its result out. A thread keeps its session for as long as tasks have one spec."""

import atexit
import contextlib
import platform
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from grader.course.fingerprint import hash_of_course
from grader.course.settings import CourseError, read_settings
from grader.grading.session import CannotGrade, Session, open_session
from grader.intake.bundle import Bundle
from grader.records.errors import UsageError
from grader.records.grade import Record
from grader.records.limits import Level

NAME = "submission"
"""What a submission is called where its name must not matter: those with one content are graded once."""
_SOURCES = 1 << 20
"""Bytes of code that are kept of a submission."""


class TaskSpec(msgspec.Struct, frozen=True):
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

    spec: TaskSpec
    seed: int
    bundle: Bundle


class TaskResult(msgspec.Struct, frozen=True):
    """What a task came to."""

    record: Record | None
    """None where a fault of ours kept from grading."""
    sources: dict[str, bytes] = {}
    """The code that was graded, unpacked."""
    fault: str | None = None
    """What went wrong on our side, for whoever runs the batch; there may be a record all the same."""
    refused: str | None = None
    """Why no task of this spec can be graded there."""


def run_task(task: Task) -> TaskResult:
    """Grade one submission in the session of this thread; nothing that happens makes it raise."""
    try:
        session = _SESSIONS.session_for(task.spec)
    except (CannotGrade, CourseError, UsageError) as problem:
        return TaskResult(None, refused=str(problem))
    except Exception as problem:
        return TaskResult(None, fault=f"{type(problem).__name__}: {problem}")
    sources: dict[str, bytes] = {}
    try:
        graded = session.record(
            task.bundle,
            name=NAME,
            seed=task.seed,
            chosen=task.spec.exercises,
            staged=lambda submission: sources.update(_sources(session.jail.spool / submission.entry)),
        )
    except Exception as problem:
        _SESSIONS.close()  # the next task gets a fresh one
        return TaskResult(None, fault=f"{type(problem).__name__}: {problem}")
    if graded.internal_errors:
        _SESSIONS.close()
    record = graded.record
    record = msgspec.structs.replace(record, grade=msgspec.structs.replace(record.grade, submission=NAME))
    return TaskResult(record, sources, "\n".join(graded.internal_errors) or None)


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


class _SessionPerThread(threading.local):
    """The session of a thread, open until a task of another spec comes or the process ends."""

    spec: TaskSpec | None = None

    def session_for(self, spec: TaskSpec) -> Session:
        """The session for tasks of this spec. Raises what `open_session` raises."""
        if self.spec != spec:
            self.close()
            self._stack = contextlib.ExitStack()
            atexit.register(self._stack.close)
            self._session = self._stack.enter_context(_opened(spec))
            self.spec = spec
        return self._session

    def close(self) -> None:
        if self.spec is not None:
            self.spec = None
            atexit.unregister(self._stack.close)
            with contextlib.suppress(Exception):
                self._stack.close()


_SESSIONS = _SessionPerThread()
"""What a process keeps between tasks: an executor hands it nothing but the task."""
_OPENING = threading.Lock()
"""One thread at a time loads a course: another would find modules that have not been run to their end."""
_LOADED: dict[str, str] = {}
"""The hash that each course had when this process first loaded it: its modules stay as they were."""


@contextlib.contextmanager
def _opened(spec: TaskSpec) -> Iterator[Session]:
    settings = read_settings(Path(spec.course))
    found, where = hash_of_course(settings), f"{spec.course} on {platform.node() or 'a node'}"
    if found != spec.course_hash:
        raise CannotGrade(
            f"the course in {where} is not the same there as here (hash {found}, expected {spec.course_hash}): "
            f"bring both to one version"
        )
    with contextlib.ExitStack() as stack:
        with _OPENING:
            if _LOADED.setdefault(spec.course, found) != found:
                raise CannotGrade(
                    f"the course in {where} was changed since a process there loaded it: restart what grades there"
                )
            opened = open_session(settings, spec.exercises, device=spec.device, required=spec.required)
            session = stack.enter_context(opened)
        yield session
