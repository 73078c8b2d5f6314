"""`pytest --grade-verify`: checks a course against its solutions, as test items for CI and editors.

In each course folder that pytest collects, a solution is an item (`solutions/my_rnn/no-tanh/my_rnn.py::my_rnn`), and so
are an exercise's starter, each of its checks and its rules (`exercises/my_rnn/__init__.py::forward`). A PROBLEM
of `grade verify` fails the item; a warning becomes a pytest warning. Nothing of the grader is imported until the option
is given.
"""

import contextlib
import functools
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

    from grader.authoring.exercise import Exercise
    from grader.course.loading import Course
    from grader.verify.gradings import Gradings
    from grader.verify.verify import Finding


class LacksSomething(pytest.PytestWarning):
    """A warning of `grade verify`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--grade-verify` and `--grade-verify-seed`."""
    group = parser.getgroup("rnn-grader")
    group.addoption(
        "--grade-verify",
        action="store_true",
        help="Check the course in this folder against its solutions: an item per solution, starter and check.",
    )
    group.addoption(
        "--grade-verify-seed", type=int, metavar="N", help="The seed to verify with. Default: drawn at random."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect courses if the option is given."""
    config.addinivalue_line("markers", "grade_verify: an item of `--grade-verify`")
    if config.getoption("--grade-verify"):
        from grader.records.seeds import draw

        seed = config.getoption("--grade-verify-seed")
        config.pluginmanager.register(_Courses(draw() if seed is None else seed), "grade-verify")


class _Courses:
    """Finds the files of courses, and caches each course with its results."""

    def __init__(self, seed: int):
        self.seed = seed
        self._met: dict[Path, _CourseCheck] = {}

    def pytest_report_header(self) -> str:
        """The seed, for repeating a run."""
        return f"grade-verify: seed {self.seed}"

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """`solutions/reference*/<exercise>.py`, `solutions/<exercise>/<mistake>/<exercise>.py` and
        `exercises/<exercise>/__init__.py`."""
        if file_path.suffix != ".py":
            return None
        folder = file_path.parent
        for below in folder.parents[:2]:
            if below.name == "solutions" and _is_course(below.parent):
                return _SolutionFile.from_parent(parent, path=file_path, course_check=self._course_check(below.parent))
        is_exercise = file_path.name == "__init__.py" and folder.parent.name == "exercises"
        if is_exercise and _is_course(folder.parents[1]) and folder.name[0] not in "_.":
            return _ExerciseFile.from_parent(parent, path=file_path, course_check=self._course_check(folder.parents[1]))
        return None

    def pytest_unconfigure(self) -> None:
        """Close all sessions."""
        for proof in self._met.values():
            proof.close()

    def _course_check(self, course: Path) -> "_CourseCheck":
        return self._met.setdefault(course.resolve(), _CourseCheck(course, self.seed))


def _is_course(folder: Path) -> bool:
    return (folder / "exercises").is_dir() and (folder / "solutions").is_dir()


class _CourseCheck:
    """One course, loaded and graded on demand, each solution once."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.seed = folder, seed
        self._course: Course | None = None
        self._gradings: Gradings | None = None
        self._stack = contextlib.ExitStack()

    @property
    def course(self) -> "Course":
        """The course. Raises `CollectError` with one line if it cannot be loaded."""
        if self._course is None:
            from grader.course.loading import load_course
            from grader.course.settings import CourseError, read_settings

            try:
                self._course = load_course(read_settings(self.folder))
            except CourseError as problem:
                raise pytest.Collector.CollectError(f"the course cannot be loaded: {problem}") from None
        return self._course

    def exercise(self, name: str) -> "Exercise | None":
        """The exercise of this id, if the course has one."""
        return next((exercise for exercise in self.course.exercises if exercise.id == name), None)

    def solutions(self, exercise: "Exercise") -> list[Path]:
        """The folders of the exercise's solutions. Raises `CollectError` with one line for misplaced ones."""
        from grader.course.settings import CourseError
        from grader.verify.claims import solutions_to

        try:
            return solutions_to(self.course, exercise)
        except CourseError as problem:
            raise pytest.Collector.CollectError(str(problem)) from None

    def solution(self, exercise: "Exercise", folder: Path) -> "Iterator[Finding]":
        """The finding about a solution."""
        from grader.verify.verify import verify_solution

        yield verify_solution(self.gradings, folder, exercise).finding

    def starter(self, exercise: "Exercise") -> "Iterator[Finding]":
        """The finding about the starter, and one if there is no reference."""
        from grader.course.calibration import is_reference
        from grader.verify.claims import solutions_to
        from grader.verify.verify import Finding, verify_starter

        yield verify_starter(self.gradings, exercise)
        if not any(is_reference(folder.name) for folder in solutions_to(self.course, exercise)):
            yield Finding("reference", exercise.id, "none", "the exercise has no reference solution")

    def check(self, exercise: "Exercise", name: str) -> "Iterator[Finding]":
        """The findings about a check or a rule."""
        from grader.verify.mistakes import is_caught
        from grader.verify.verify import verify_check

        device = self.gradings.session.jail.device
        yield from verify_check(self.course, exercise, name, is_caught(self.gradings, exercise, name), device)

    @property
    def gradings(self) -> "Gradings":
        """The gradings so far; opens the session on first use."""
        if self._gradings is None:
            from grader.grading.session import open_session
            from grader.verify.gradings import Gradings

            session = self._stack.enter_context(open_session(self.course.settings, course=self.course))
            self._gradings = Gradings(session, self.seed)
        return self._gradings

    def close(self) -> None:
        """Close the session."""
        self._stack.close()


class _CourseFile(pytest.File):
    """A file of a course, with items."""

    def __init__(self, *, course_check: _CourseCheck, **options: object):
        super().__init__(**options)  # type: ignore[arg-type]
        self.course_check = course_check

    def item(self, name: str, look: "_Look") -> "_Item":
        return _Item.from_parent(self, name=name, look=look)


class _SolutionFile(_CourseFile):
    def collect(self) -> Iterable[pytest.Item]:
        """One item if the file solves an exercise of the course; other files are helpers."""
        exercise, folder = self.course_check.exercise(self.path.stem), self.path.parent
        if exercise is not None and folder in self.course_check.solutions(exercise):
            yield self.item(exercise.id, lambda: self.course_check.solution(exercise, folder))


class _ExerciseFile(_CourseFile):
    def collect(self) -> Iterable[pytest.Item]:
        """An item for the starter and for each check and rule."""
        from grader.verify.claims import checks_and_rules

        exercise = self.course_check.exercise(self.path.parent.name)
        if exercise is None:
            return
        yield self.item("starter", lambda: self.course_check.starter(exercise))
        for name in checks_and_rules(exercise):
            yield self.item(name, functools.partial(self.course_check.check, exercise, name))


class NotVerified(Exception):
    """A PROBLEM of `grade verify`."""


class _Item(pytest.Item):
    """A property that must hold for a course."""

    def __init__(self, *, look: "_Look", **options: object):
        super().__init__(**options)  # type: ignore[arg-type]
        self._look = look
        self.add_marker("grade_verify")

    def runtest(self) -> None:
        """Check it; warn about what is missing, fail for what is wrong."""
        found = list(self._look())
        for finding in found:
            if finding.warning:
                warnings.warn(LacksSomething(f"{finding.exercise}, {finding.subject}: {finding.warning}"), stacklevel=2)
        problems = [f"{finding.subject} ({finding.seen}): {finding.problem}" for finding in found if finding.problem]
        if problems:
            raise NotVerified("\n".join(problems))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> "str | TerminalRepr":
        """A problem as its message; an internal error with its traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, NotVerified) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The item's location and name."""
        return self.path, None, f"grade verify: {self.path.parent.name}/{self.path.stem} {self.name}"


if TYPE_CHECKING:
    from collections.abc import Callable

    _Look = Callable[[], Iterable[Finding]]
