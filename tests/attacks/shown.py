"""What a report may not do with a text of a student's, in each of its forms; and how texts are graded.

The conftest of this folder makes the fixtures of this file known: they are those of `test_texts.py` and
`test_text_names.py`.
"""

import io
import json
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from grader import Exercise, Unmet, expect
from grader.cli.text import print_grade
from grader.grading.grading import grade as grade_submission
from grader.intake.staging import stage, unstage
from grader.plugin import Conditions
from grader.records.grade import ExerciseGrade, Grade, to_json
from grader.records.limits import Limits

ROOT = Path(__file__).parents[2]
SECRET = "PLANTED-SECRET-5f1c9a"
TAME = "words and `code`\n  and a line of code"
LONGEST = 4000
"""Characters of the longest text of a report, in a document and on a line of the terminal that is not folded."""
FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and new line, what turns the direction of writing, halves of characters."""


class Tags(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, page: str):
        super().__init__()
        self.found: set[tuple[object, ...]] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, *sorted((name, value or "") for name, value in attrs)))


@dataclass(frozen=True)
class Shown:
    """A grade as it is shown: the document, the terminal, the page."""

    json: str
    terminal: str
    page: str

    def elements(self) -> set[tuple[object, ...]]:
        """The page's elements with their attributes."""
        return Tags(self.page).found

    def names(self) -> set[tuple[str, ...]]:
        """The same without the attributes' values, which tell points and states."""
        return {(str(tag), *(name for name, _ in attributes)) for tag, *attributes in self.elements()}  # type: ignore[misc]


def texts(value: object) -> Iterable[str]:
    """All the strings in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def tamed(grade: Grade) -> Grade:
    """The same grade with tame words wherever a text came from the submission."""

    def exercise(given: ExerciseGrade) -> ExerciseGrade:
        checks = [msgspec.structs.replace(c, message=TAME, hint=c.hint and TAME) for c in given.checks]
        message = given.message and TAME
        return msgspec.structs.replace(given, message=message, notes=[TAME] * len(given.notes), checks=checks)

    exercises = [exercise(given) for given in grade.exercises]
    return msgspec.structs.replace(grade, submission="ada", message=grade.message and TAME, exercises=exercises)


@pytest.fixture
def secret(monkeypatch) -> str:
    """A secret to keep, in the environment; and a terminal of one width."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("A_SECRET", SECRET)
    return SECRET


@pytest.fixture
def places(zygote, tmp_path) -> list[str]:
    """Beginnings of host paths that no report may name."""
    paths = [str(ROOT), str(zygote.spool), str(tmp_path), str(Path("~").expanduser()), sys.prefix, sys.base_prefix]
    paths += [sysconfig.get_path(name) for name in ("stdlib", "purelib")]
    starts = {"/".join(path.split("/")[:3]) for path in paths if not path.startswith("/usr")}
    return [start for start in starts if len(start) > 2]


@pytest.fixture
def assert_shown_harmless(places, secret) -> Callable[[Shown], None]:
    """No form obeys, leaks or grows."""

    def refuse(literal: str) -> None:
        raise AssertionError(f"{literal} is no JSON")

    def look(shown: Shown) -> None:
        decoded = json.loads(shown.json, parse_constant=refuse)
        for text in (*texts(decoded), shown.terminal, shown.page):
            assert not FORBIDDEN.findall(text), text
        for document in (shown.json, shown.terminal, shown.page):
            assert len(document.encode()) < 400_000
            assert not [place for place in places if place in document], document
            assert secret not in document
        assert max(map(len, shown.terminal.splitlines())) <= LONGEST
        # nothing but the last line is the total, however a text is broken into lines
        assert [line[:6] for line in shown.terminal.splitlines()].count("Total:") == 1, shown.terminal
        # nor is a flag told to the student
        for flag in {flag for exercise in (decoded, *decoded["exercises"]) for flag in exercise["flags"]}:
            assert flag not in shown.terminal
            assert flag not in shown.page

    return look


@pytest.fixture
def show(course, secret) -> Callable[[Grade], Shown]:
    """Write a grade as the command does."""

    def write(grade: Grade) -> Shown:
        conditions = Conditions("grade submit ada --seed 1", {"torch": "2"}, {}, [])
        stream = io.StringIO()
        print_grade(grade, conditions, stream)
        return Shown(to_json(grade), stream.getvalue(), course.reports["html"].page(grade, conditions))

    return write


@pytest.fixture
def assert_harmless(show, assert_shown_harmless) -> Callable[[Grade], None]:
    """Look at a grade in all its forms."""

    def look(grade: Grade) -> None:
        shown = show(grade)
        assert_shown_harmless(shown)
        more = shown.elements() - show(tamed(grade)).elements()
        assert not more, more
        assert not grade.broken
        assert max(map(len, texts(msgspec.to_builtins(grade)))) <= LONGEST
        assert max(map(cell_len, shown.terminal.splitlines())) <= 80

    return look


@pytest.fixture
def asking() -> Callable[[Iterable[str]], Exercise]:
    """Make an exercise that calls each, says what came back, and asks once more for a plain answer."""

    def make(names: Iterable[str]) -> Exercise:
        exercise = Exercise("task", title="A task", statement="Answer.", names=("quick", *names))

        def telling(name):
            def check(student):
                returned = student.call(name)
                raise Unmet(f"`{name}` returned {returned!r}", f"Return less than {returned!r}.")

            check.__name__, check.__doc__ = name, f"The way {name}."
            return check

        @exercise.check(points=1)
        def before(student):
            """An answer before the others."""
            expect(student.call("quick") == 7, "`quick` is wrong")

        for name in names:
            exercise.check(points=1)(telling(name))

        @exercise.check(points=1)
        def after(student):
            """An answer after the others."""
            expect(student.call("quick") == 7, "`quick` is wrong")

        return exercise

    return make


@pytest.fixture
def grade_text(zygote, course, isolation) -> Callable[..., Grade]:
    """Grade a path by such an exercise; by default it has twenty seconds."""

    def run(path: Path, exercise: Exercise, **limits: float) -> Grade:
        limits = {"seconds": 20, "top_level_seconds": 2, "memory_mib": 500, **limits}
        staged = stage(path, zygote, Limits(**limits))  # type: ignore[arg-type]
        given = replace(exercise, limits=limits)
        try:
            return grade_submission(staged, [given], course, zygote, level=isolation.level, seed=1)
        finally:
            unstage(staged, zygote)

    return run


@pytest.fixture
def command(cli, tmp_path, secret, assert_shown_harmless) -> Callable[..., Shown]:
    """Grade a folder by the command, once for the document, once for the terminal and the page."""

    def run(folder: Path, exercise: str) -> Shown:
        arguments = ("submit", folder, "--exercise", exercise, "--seed", 1)
        environment = {"GRADE_SECRET": secret}
        document = cli(*arguments, "--format", "json", env=environment)
        told = cli(*arguments, "--output", "out", env=environment)
        assert (document.returncode, told.returncode) == (0, 0), document.stderr + told.stderr
        assert document.stderr == told.stderr == ""
        (file,) = (tmp_path / "cwd" / "out").iterdir()
        shown = Shown(document.stdout, told.stdout, file.read_text(encoding="utf-8"))
        assert_shown_harmless(shown)
        return shown

    return run
