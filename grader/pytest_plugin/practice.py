"""`pytest --grade`: each check of an exercise is a test, so an editor's test explorer shows what fails and why.

pytest loads this module in every run once the grader is installed. Without `--grade` it imports nothing of the grader
and changes nothing about collection.
"""

import contextlib
import functools
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from grader.authoring.exercise import Exercise
    from grader.course.loading import Course
    from grader.grading.session import Session
    from grader.records.grade import ExerciseGrade, Verdict

_PRACTICE = pytest.StashKey["_Practice"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("grade", "grading exercises on recurrent networks (rnn-grader)")
    what = "Collect modules, notebooks and archives that are named after exercises; each check is a test."
    group.addoption("--grade", action="store_true", help=what)
    group.addoption("--grade-course", metavar="DIR", help="The course's folder. Default: the bundled course.")
    group.addoption(
        "--grade-seed", type=int, metavar="N", help="Seed; pass an earlier run's seed to reproduce it. Default: random."
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.option.grade:
        config.stash[_PRACTICE] = practice = _Practice(config.option.grade_course, config.option.grade_seed)
        _ = practice.course  # a broken course is reported before anything is collected


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.option.grade and _PRACTICE in config.stash:
        config.stash[_PRACTICE].close()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    """A module named after an exercise is a student's: pytest must not import it, even if it was named explicitly."""
    collected = yield
    config = parent.config
    if not config.option.grade:
        return collected
    exercise = config.stash[_PRACTICE].exercise_of(file_path)
    if exercise is None:
        return collected
    return [ExerciseFile.from_parent(parent, path=file_path, exercise=exercise)]


def pytest_report_header(config: pytest.Config) -> str | None:
    return f"grade: {config.stash[_PRACTICE].description()}" if config.option.grade else None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for line in config.stash[_PRACTICE].summary if config.option.grade else ():
        terminalreporter.write_line(line)


class ExerciseFile(pytest.File):
    """A student's module. Its items share one grading of the selected checks and those they need."""

    def __init__(self, *, exercise: "Exercise", **rest: Any):
        super().__init__(**rest)
        self.exercise = exercise
        self._grade: ExerciseGrade | None = None

    def collect(self) -> Iterator[pytest.Item]:
        title = "can be loaded and built, and follows the rules"
        yield AttemptItem.from_parent(self, name=self.exercise.id, title=title)
        for check in self.exercise.checks:
            yield CheckItem.from_parent(self, name=check.id, title=check.promise)

    def grade(self) -> "ExerciseGrade":
        """Grade the module, once. Raises `JailError` and `CourseError`, which are internal errors."""
        if self._grade is None:
            wanted = [item.name for item in self._selected()]
            self._grade = self.config.stash[_PRACTICE].grade(self.path, self.exercise, wanted)
        return self._grade

    def includes_attempt(self) -> bool:
        """Whether the item that fails when nothing could be judged is selected."""
        return any(isinstance(item, AttemptItem) for item in self._selected())

    def _selected(self) -> list[pytest.Item]:
        return [item for item in self.session.items if item.parent is self]


class _GradeItem(pytest.Item):
    """A test item of a grading."""

    parent: ExerciseFile

    def __init__(self, *, title: str, **rest: Any):
        super().__init__(**rest)
        self.title = title

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was observed and what to try, without the grader's own traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, NotPassed) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, 0, f"{self.parent.exercise.id}: {self.title}"


class NotPassed(Exception):
    """A check that did not earn full points; the message says why."""


class AttemptItem(_GradeItem):
    """The exercise as a whole: could anything be judged?"""

    def runtest(self) -> None:
        grade = self.parent.grade()
        if grade.status == "broken":
            raise RuntimeError("the grader itself failed here; this is not your mistake")
        if grade.status != "graded":
            raise NotPassed(f"{grade.id} is {grade.status}: {grade.message}")


class CheckItem(_GradeItem):
    """One check."""

    def runtest(self) -> None:
        grade = self.parent.grade()
        verdict: Verdict = next(v for v in grade.checks if v.id == self.name)
        self.user_properties += [("points", verdict.points), ("max_points", verdict.max_points)]
        if verdict.status == "skipped":
            if grade.status != "graded" and not self.parent.includes_attempt():
                raise NotPassed(f"{grade.id} is {grade.status}: {grade.message}")  # else no item would report it
            pytest.skip(verdict.message)
        if verdict.status != "passed":
            lines = [verdict.title, f"{verdict.status}, {verdict.points:g} of {verdict.max_points:g} points"]
            lines += [f"  {line}" for line in verdict.message.splitlines()]
            lines += [f"Hint: {verdict.hint}"] if verdict.hint else []
            raise NotPassed("\n".join(lines))


class _Practice:
    """What all gradings of a run share: the course, the seed, and one session, opened on first use."""

    summary: list[str]
    """Lines printed at the end of the run."""

    def __init__(self, folder: str | None, seed: int | None):
        self._folder, self._seed = folder, seed
        self._stack = contextlib.ExitStack()
        self._session: Session | None = None
        self.summary = []

    @functools.cached_property
    def course(self) -> "Course":
        """The course. Raises `pytest.UsageError` if it cannot be used."""
        from grader.course.loading import load_course
        from grader.course.settings import CourseError, read_settings

        try:
            return load_course(read_settings(Path(self._folder) if self._folder else None))
        except CourseError as problem:
            raise pytest.UsageError(f"--grade: {problem}") from None

    def description(self) -> str:
        course, seed = self._folder or "the bundled course", self._seed
        return f"{course}, {'a seed drawn at random' if seed is None else f'seed {seed}'}; practice, not the grade"

    def exercise_of(self, file: Path) -> "Exercise | None":
        """The exercise a file is named after; None for the course's own files.

        The file is a module, or a notebook or archive without a module of the same name next to it, which would count.
        """
        course = self.course
        own = course.settings.folder
        if any(file.is_relative_to(own / name) for name in ("exercises", "plugins")):
            return None
        suffixes = {suffix for format_ in course.formats for suffix in format_.suffixes} | {".zip"}
        if file.suffix != ".py" and (file.suffix.lower() not in suffixes or file.with_suffix(".py").exists()):
            return None
        return next((exercise for exercise in course.exercises if exercise.id == file.stem), None)

    def grade(self, file: Path, exercise: "Exercise", wanted: Iterable[str]) -> "ExerciseGrade":
        """Grade a module with its folder, or another file alone, by the checks `wanted` and those they need."""
        from dataclasses import replace

        from grader.records.seeds import draw

        session = self._opened()
        self._seed = draw() if self._seed is None else self._seed
        needed = _with_needs(exercise, wanted)
        part = replace(exercise, checks=[check for check in exercise.checks if check.id in needed])
        with session.staged(file.parent if file.suffix == ".py" else file) as submission:
            found = session.grade_exercise(submission, part, seed=self._seed)
        points = f"{found.points:g} of {found.max_points:g} points"
        self.summary.append(f"grade: {file.name}: {points}, seed {self._seed}, isolation {session.isolation.level}")
        return found

    def _opened(self) -> "Session":
        if self._session is None:
            from grader.grading.session import open_session

            course = self.course
            opened = open_session(course.settings, course=course, note=self.summary.append)
            self._session = self._stack.enter_context(opened)
        return self._session

    def close(self) -> None:
        """Close the session."""
        self._stack.close()


def _with_needs(exercise: "Exercise", wanted: Iterable[str]) -> set[str]:
    """The named checks and, transitively, those they need; at least one, even if only the attempt was selected."""
    needed = set(wanted)
    for check in reversed(exercise.checks):  # a check needs only those above it
        if check.id in needed:
            needed.update(check.needs)
    known = [check.id for check in exercise.checks]
    return needed & set(known) or set(known[:1])
