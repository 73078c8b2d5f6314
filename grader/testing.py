"""Fixtures for the tests of exercises and plugins: they write submissions and grade them for real, in the jail.

Nothing here is active until a package opts in, in the `conftest.py` of its tests:

    pytest_plugins = ["grader.testing"]

Its tests then have the fixtures `submission`, `archive`, `notebook`, `course`, `grade` and `session_for`.
`docs/testing.md` shows them in use.

PYTEST_DONT_REWRITE: a `conftest.py` may import the types below and opt in, in any order, without a warning.
"""

import contextlib
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from grader.records.grade import ExerciseGrade, Grade, Verdict

# Nothing at the top imports torch: tests that grade nothing do not wait for it.
if TYPE_CHECKING:
    from grader.course.loading import Course
    from grader.grading.session import Session

__all__ = [
    "Course",
    "ExerciseGrade",
    "Files",
    "FilesFixture",
    "Grade",
    "GradeFixture",
    "NotebookFixture",
    "Session",
    "Verdict",
    "verdict",
]

Files = Mapping[str, str | bytes]
"""The contents of files, by their path in the submission; text is written as UTF-8."""


class FilesFixture(Protocol):
    """The type of the fixtures `submission` and `archive`."""

    def __call__(self, files: Files, name: str = ...) -> Path:
        """Write the files and return the path of what would be handed in."""


class NotebookFixture(Protocol):
    """The type of the fixture `notebook`."""

    def __call__(self, cells: Sequence[str | Mapping[str, Any]], name: str = ...) -> Path:
        """Write a notebook and return its path."""


class GradeFixture(Protocol):
    """The type of the fixture `grade`."""

    def __call__(self, path: Path, *, exercise: str, seed: int = ..., **limits: float) -> Grade:
        """Grade a submission as one exercise of the course."""


def verdict(grade: Grade | ExerciseGrade, check: str) -> Verdict:
    """The verdict of one check. Raises `LookupError` that names the checks there are, or why none was judged."""
    exercises = grade.exercises if isinstance(grade, Grade) else [grade]
    found = {verdict.id: verdict for exercise in exercises for verdict in exercise.checks}
    if check not in found:
        why = f": {grade.message}" if grade.message else ""
        raise LookupError(f"unknown check '{check}'; available: {', '.join(found) or 'none'}{why}")
    return found[check]


@pytest.fixture
def submission(tmp_path: Path) -> FilesFixture:
    """Write a folder of files: `submission({"my_rnn.py": "..."})`. A second call with its name adds files to it."""

    def write(files: Files, name: str = "ada") -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return write


@pytest.fixture
def archive(tmp_path: Path) -> FilesFixture:
    """Write files into a zip: `archive({"my_rnn.py": "..."})`."""

    def write(files: Files, name: str = "ada.zip") -> Path:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as file:
            for path, content in files.items():
                file.writestr(path, content)
        return tmp_path / name

    return write


@pytest.fixture
def notebook(tmp_path: Path) -> NotebookFixture:
    """Write a Jupyter notebook: `notebook(["import torch", "def halve(x): ..."])`.

    A string is the source of a code cell; a mapping is a whole cell, as nbformat 4 has it.
    """

    def write(cells: Sequence[str | Mapping[str, Any]], name: str = "ada.ipynb") -> Path:
        code: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        made = [{**code, "source": cell} if isinstance(cell, str) else dict(cell) for cell in cells]
        text = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": made})
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def course_folder(pytestconfig: pytest.Config) -> Path | None:
    """The folder of the course under test: pytest's rootdir. Override this where the course is elsewhere.

    None stands for the course that comes with the grader.
    """
    return pytestconfig.rootpath


@pytest.fixture(scope="session")
def course(course_folder: Path | None) -> "Course":
    """The course under test, as `grade --course` would load it.

    Its exercises are those in `exercises/` of `course_folder`, if there are any, and those of installed packages; its
    plugins are the bundled ones, those in `plugins/` and those of installed packages.
    """
    from grader.course.loading import load_course
    from grader.course.settings import CourseError, read_settings

    try:
        return load_course(read_settings(course_folder))
    except CourseError as problem:
        pytest.fail(f"the course cannot be loaded: {problem}", pytrace=False)


@pytest.fixture(scope="session")
def session_for() -> "Iterator[Callable[[Course], Session]]":
    """Return a course's warm session, for what `grade` cannot do: `session_for(course).record(...)` keeps evidence.

    It is opened when it is first asked for and shared by all tests; one for another course replaces it. Models are
    trained on the CPU. Raises `JailError` and `CourseError`.
    """
    with contextlib.closing(_Warm()) as warm:
        yield warm.session_for


@pytest.fixture
def grade(course: "Course", session_for: "Callable[[Course], Session]") -> GradeFixture:
    """Grade a submission for real: `grade(path, exercise="my_rnn")`, with the seed 1 unless another is given.

    Further arguments are `Limits`, such as `seconds=5`, that override the course's and the exercise's. Whatever a
    student wrote is in the answer and never raises. Where a check itself fails the exercise is `broken`, and the
    traceback is on standard error.

    Raises `UnknownExercise` that names the exercises there are, and `FileNotFoundError` for a path that does not exist.
    """

    def run(path: Path, *, exercise: str, seed: int = 1, **limits: float) -> Grade:
        __tracebackhide__ = True  # what is wrong with the call is shown in the line of the test
        return _grade(course, session_for, path, exercise, seed, limits)

    return run


def _grade(
    course: "Course",
    session_for: "Callable[[Course], Session]",
    path: Path,
    exercise: str,
    seed: int,
    limits: Mapping[str, float],
) -> Grade:
    __tracebackhide__ = True
    from grader.course.loading import UnknownExercise
    from grader.grading.listener import Listener
    from grader.records.limits import Limits

    Limits(**limits)  # type: ignore[arg-type]  # a name that is not a limit is a TypeError, as for any function
    if not os.path.lexists(path):  # a broken link is something that can be handed in
        raise FileNotFoundError(f"{path}: there is nothing to grade")
    try:
        (picked,) = course.pick((exercise,))
    except UnknownExercise as problem:
        where = f"in the course {course.settings.folder}"
        if not course.exercises:
            where += "; those of a package are found once it is installed, as with `pip install -e .`"
        raise UnknownExercise(f"{problem} ({where})") from None
    settings = replace(course.settings, limits={**course.settings.limits, **limits})
    session = replace(session_for(course), course=replace(course, settings=settings))
    limited = replace(picked, limits={**picked.limits, **limits})
    with session.staged(path) as submission:
        heard = Listener(internal_error=lambda traceback: print(traceback, file=sys.stderr))
        return session.grade(submission, seed=seed, exercises=[limited], listener=heard)


class _Warm:
    """At most one open session: each holds a process with torch loaded."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._open: Session | None = None

    def session_for(self, course: "Course") -> "Session":
        if self._open is None or self._open.course is not course:
            from grader.grading.session import open_session

            self.close()
            self._open = self._stack.enter_context(open_session(course.settings, device="cpu", course=course))
        return self._open

    def close(self) -> None:
        self._open = None
        self._stack.close()


if not TYPE_CHECKING:  # a type checker would believe that any name is there

    def __getattr__(name: str) -> Any:
        """The types that need torch, once somebody asks for them."""
        if name == "Course":
            from grader.course.loading import Course

            return Course
        if name == "Session":
            from grader.grading.session import Session

            return Session
        raise AttributeError(f"module 'grader.testing' has no attribute {name!r}")
