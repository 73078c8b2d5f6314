"""`pytest --grade-verify`: a course proves itself as test items, for a course repository's CI and for editors.

In each course folder that pytest collects, a solution is an item (`solutions/my_rnn/no-tanh/my_rnn.py::my_rnn`), and so
are an exercise's starter, each of its checks and its rules (`exercises/my_rnn/__init__.py::forward`). What is a PROBLEM
for `grade verify` fails the item, what is a warning there is a warning of pytest's here. Imports nothing of the grader
until it is asked for.
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
    from grader.grading.session import Session
    from grader.verify.verify import Finding, Verified


class LacksSomething(pytest.PytestWarning):
    """What `grade verify` warns of."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--grade-verify` and `--grade-verify-seed`."""
    group = parser.getgroup("rnn-grader")
    group.addoption(
        "--grade-verify",
        action="store_true",
        help="Let the course in this folder prove itself: an item per solution, starter and check.",
    )
    group.addoption(
        "--grade-verify-seed", type=int, metavar="N", help="The seed to verify with. Default: drawn at random."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to collect courses, where that was asked for."""
    config.addinivalue_line("markers", "grade_verify: an item of `--grade-verify`")
    if config.getoption("--grade-verify"):
        from grader.records.seeds import draw

        seed = config.getoption("--grade-verify-seed")
        config.pluginmanager.register(_Courses(draw() if seed is None else seed), "grade-verify")


class _Courses:
    """Finds the files of courses, and keeps each course that was met with what was found out about it."""

    def __init__(self, seed: int):
        self.seed = seed
        self._met: dict[Path, _Proof] = {}

    def pytest_report_header(self) -> str:
        """The seed, to repeat a run with."""
        return f"grade-verify: seed {self.seed}"

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """`solutions/reference*/<exercise>.py`, `solutions/<exercise>/<mistake>/<exercise>.py` and
        `exercises/<exercise>/__init__.py`."""
        if file_path.suffix != ".py":
            return None
        folder = file_path.parent
        for below in folder.parents[:2]:
            if below.name == "solutions" and _is_course(below.parent):
                return _SolutionFile.from_parent(parent, path=file_path, proof=self._proof(below.parent))
        is_exercise = file_path.name == "__init__.py" and folder.parent.name == "exercises"
        if is_exercise and _is_course(folder.parents[1]) and folder.name[0] not in "_.":
            return _ExerciseFile.from_parent(parent, path=file_path, proof=self._proof(folder.parents[1]))
        return None

    def pytest_unconfigure(self) -> None:
        """End what was started."""
        for proof in self._met.values():
            proof.close()

    def _proof(self, course: Path) -> "_Proof":
        return self._met.setdefault(course.resolve(), _Proof(course, self.seed))


def _is_course(folder: Path) -> bool:
    return (folder / "exercises").is_dir() and (folder / "solutions").is_dir()


class _Proof:
    """One course, loaded and graded as far as items asked: each solution once."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.seed = folder, seed
        self._course: Course | None = None
        self._session: Session | None = None
        self._stack = contextlib.ExitStack()
        self._verified: dict[tuple[str, str], Verified] = {}

    @property
    def course(self) -> "Course":
        """The course; what is wrong with it ends the collection in one line."""
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
        """Where the exercise's solutions lie; what lies elsewhere ends the collection in one line."""
        from grader.course.settings import CourseError
        from grader.verify.claims import solutions_to

        try:
            return solutions_to(self.course, exercise)
        except CourseError as problem:
            raise pytest.Collector.CollectError(str(problem)) from None

    def solution(self, exercise: "Exercise", folder: Path) -> "Verified":
        """What grading a solution came to."""
        from grader.verify.verify import verify_solution

        key = exercise.id, folder.name
        if key not in self._verified:
            self._verified[key] = verify_solution(folder, exercise, self.session, self.seed)
        return self._verified[key]

    def starter(self, exercise: "Exercise") -> "Iterator[Finding]":
        """What grading the starter came to, and whether there is a reference at all."""
        from grader.course.calibration import is_reference
        from grader.verify.claims import solutions_to
        from grader.verify.verify import Finding, verify_starter

        yield verify_starter(self.session, exercise, self.seed)
        if not any(is_reference(folder.name) for folder in solutions_to(self.course, exercise)):
            yield Finding("reference", exercise.id, "none", "the exercise has no reference solution")

    def check(self, exercise: "Exercise", name: str) -> "Iterator[Finding]":
        """What is wrong with a check; the mistakes that name it are tried first, the others only where those fail."""
        from grader.course.calibration import is_reference
        from grader.verify.claims import read_claim, solutions_to
        from grader.verify.verify import verify_check

        def is_elsewhere(folder: Path) -> bool:
            claim = read_claim(folder / f"{exercise.id}.py")
            return claim is None or claim.check != name

        mistakes = [folder for folder in solutions_to(self.course, exercise) if not is_reference(folder.name)]
        ordered = sorted(mistakes, key=is_elsewhere)
        is_caught = any(name in self.solution(exercise, folder).caught for folder in ordered)
        yield from verify_check(self.course, exercise, name, is_caught, self.session.jail.device)

    @property
    def session(self) -> "Session":
        """The session that solutions are graded in, opened when it is first needed."""
        if self._session is None:
            from grader.grading.session import open_session

            self._session = self._stack.enter_context(open_session(self.course.settings, course=self.course))
        return self._session

    def close(self) -> None:
        """End the session."""
        self._stack.close()


class _CourseFile(pytest.File):
    """A file of a course that items are made of."""

    def __init__(self, *, proof: _Proof, **options: object):
        super().__init__(**options)  # type: ignore[arg-type]
        self.proof = proof

    def item(self, name: str, look: "_Look") -> "_Item":
        return _Item.from_parent(self, name=name, look=look)


class _SolutionFile(_CourseFile):
    def collect(self) -> Iterable[pytest.Item]:
        """One item, where the file solves an exercise of the course: others are its neighbours."""
        exercise, folder = self.proof.exercise(self.path.stem), self.path.parent
        if exercise is not None and folder in self.proof.solutions(exercise):
            yield self.item(exercise.id, lambda: [self.proof.solution(exercise, folder).finding])


class _ExerciseFile(_CourseFile):
    def collect(self) -> Iterable[pytest.Item]:
        """An item for the starter and for each check and rule."""
        from grader.verify.claims import checks_and_rules

        exercise = self.proof.exercise(self.path.parent.name)
        if exercise is None:
            return
        yield self.item("starter", lambda: self.proof.starter(exercise))
        for name in checks_and_rules(exercise):
            yield self.item(name, functools.partial(self.proof.check, exercise, name))


class NotProved(Exception):
    """What `grade verify` calls a PROBLEM."""


class _Item(pytest.Item):
    """Something that is to hold of a course."""

    def __init__(self, *, look: "_Look", **options: object):
        super().__init__(**options)  # type: ignore[arg-type]
        self._look = look
        self.add_marker("grade_verify")

    def runtest(self) -> None:
        """Look; warn of what is missing, fail for what is wrong."""
        found = list(self._look())
        for finding in found:
            if finding.warning:
                warnings.warn(LacksSomething(f"{finding.exercise}, {finding.subject}: {finding.warning}"), stacklevel=2)
        problems = [f"{finding.subject} ({finding.seen}): {finding.problem}" for finding in found if finding.problem]
        if problems:
            raise NotProved("\n".join(problems))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> "str | TerminalRepr":
        """A problem in plain words; a failure of the grader's own with its traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, NotProved) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the item stands, and its name."""
        return self.path, None, f"grade verify: {self.path.parent.name}/{self.path.stem} {self.name}"


if TYPE_CHECKING:
    from collections.abc import Callable

    _Look = Callable[[], Iterable[Finding]]
