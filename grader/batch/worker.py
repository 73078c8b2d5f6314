"""What an executor runs: a task in, its result out. A thread keeps its session while tasks share a spec."""

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
"""Name used for every submission: identical contents are graded once, so the name must not matter."""
_SOURCES = 1 << 20
"""At most this many bytes of a submission's code are kept."""


class TaskSpec(msgspec.Struct, frozen=True):
    """What all tasks of a batch share."""

    course: str
    """Path of the course folder on the machine that grades."""
    course_hash: str
    exercises: list[str]
    """Ids of the exercises to grade; empty for all."""
    device: str
    required: Level
    """The isolation level required."""


class Task(msgspec.Struct, frozen=True):
    """One submission to grade. If a machine dies it is graded a second time, with the same result."""

    spec: TaskSpec
    seed: int
    bundle: Bundle


class TaskResult(msgspec.Struct, frozen=True):
    """The result of a task."""

    record: Record | None
    """None if an internal error prevented grading."""
    sources: dict[str, bytes] = {}
    """The graded code, unpacked."""
    fault: str | None = None
    """The internal error, for whoever runs the batch; there may be a record as well."""
    refused: str | None = None
    """Why no task with this spec can be graded on that machine."""


def run_task(task: Task) -> TaskResult:
    """Grade one submission in this thread's session. Never raises."""
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
    """The code of a staged submission, up to the size limit."""
    found: dict[str, bytes] = {}
    room = _SOURCES
    for file in sorted(entry.rglob("*.py")):
        data = file.read_bytes()
        if len(data) <= room:
            name = file.relative_to(entry).as_posix()
            found[name.encode("utf-8", "replace").decode()] = data  # a folder's name may not be UTF-8
            room -= len(data)
    return found


class _SessionPerThread(threading.local):
    """A thread's session, open until a task has another spec or the process ends."""

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
"""What a process keeps between tasks: executors pass it only the task."""
_OPENING = threading.Lock()
"""One thread at a time loads a course: another would see half-imported modules."""
_LOADED: dict[str, str] = {}
"""The hash of each course when this process first loaded it; its modules are never reloaded."""


@contextlib.contextmanager
def _opened(spec: TaskSpec) -> Iterator[Session]:
    settings = read_settings(Path(spec.course))
    found, where = hash_of_course(settings), f"{spec.course} on {platform.node() or 'a node'}"
    if found != spec.course_hash:
        raise CannotGrade(
            f"the course in {where} differs from the one here (hash {found}, expected {spec.course_hash}): "
            f"use the same version on both"
        )
    with contextlib.ExitStack() as stack:
        with _OPENING:
            if _LOADED.setdefault(spec.course, found) != found:
                raise CannotGrade(f"the course in {where} changed after a process loaded it: restart the workers there")
            opened = open_session(settings, spec.exercises, device=spec.device, required=spec.required)
            session = stack.enter_context(opened)
        yield session
