"""One grading of a sweep, in a process that keeps its session for the next."""

import atexit
import contextlib
import functools
import os
import signal
from pathlib import Path
from typing import NamedTuple, NoReturn

import msgspec
from submissions import Submission, broken_promises

from grader.course.settings import read_settings
from grader.grading.session import Session, open_session


class Result(msgspec.Struct, frozen=True):
    """One grading: a line of the file of results."""

    exercise: str
    kind: str
    path: str
    seed: int
    hash: str
    """Of all that decides it: the submission, what it promises, the course, the grader, versions of packages."""
    problems: list[str]
    """The promises that were broken; none where all is as it should be."""
    seconds: float


class Pair(NamedTuple):
    """A submission to be graded with a seed, and the hash of all that decides its result."""

    submission: Submission
    seed: int
    hash: str

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.submission.exercise, self.submission.path, self.seed, self.hash


@functools.cache
def session_in(course: Path) -> tuple[Session, contextlib.ExitStack]:
    """The session of this process, and what closes it; it is also closed where the process is ended."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)

    def end(*_: object) -> NoReturn:
        with contextlib.suppress(Exception):
            stack.close()
        os._exit(1)  # the executor's loop would catch whatever is raised here, and go on

    signal.signal(signal.SIGTERM, end)
    return stack.enter_context(open_session(read_settings(course), device="cpu")), stack


def grade(pair: Pair) -> Result:
    """Grade one submission with one seed in the session of this process; after a failure the next gets a fresh one."""
    submission, seed, hash = pair
    session, stack = session_in(submission.course)
    (exercise,) = (found for found in session.exercises if found.id == submission.exercise)
    try:
        with session.staged(submission.folder) as staged:
            answer = session.grade_exercise(staged, exercise, seed=seed)
        problems = broken_promises(submission, exercise, answer)
    except Exception:
        session_in.cache_clear()
        stack.close()
        raise
    return Result(submission.exercise, submission.kind, submission.path, seed, hash, problems, answer.seconds)
