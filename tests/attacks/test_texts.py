"""Attacks by text: whatever a student can write, a report shows it, shortened and harmless, and stays a report.

A row's functions are its ways: each is a check of its own, called in the jail, so that one submission holds many.
"""

import ast
import io
import json
import os
import re
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from grader import Conditions, Exercise, Unmet, expect
from grader.commands.text import print_grade
from grader.course import Course
from grader.grading import grade as grade_submission
from grader.recipe import Recipe, read_recipe
from grader.records import ExerciseGrade, Grade, Limits, to_json
from grader.submissions import stage, unstage

pytestmark = pytest.mark.jail

HERE = Path(__file__).parent / "texts"
ROOT = Path(__file__).parents[2]
SECRET = "PLANTED-SECRET-5f1c9a"
TAME = "words and `code`\n  and a line of code"
LONGEST = 4000
"""Characters of the longest text of a report, in a document and on a line of the terminal that is not folded."""
FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and new line, what turns the direction of writing, halves of characters."""


# What is shown, and what may not be in it


class Tags(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str):
        super().__init__()
        self.found: set[tuple[object, ...]] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, *sorted((name, value or "") for name, value in attrs)))

    def names(self) -> set[tuple[str, ...]]:
        """The same without the attributes' values, which tell points and states."""
        return {(str(tag), *(name for name, _ in attributes)) for tag, *attributes in self.found}  # type: ignore[misc]


@dataclass(frozen=True)
class Shown:
    """A grade as it is shown: the document, the terminal, the page."""

    json: str
    terminal: str
    page: str


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """A terminal of one width, and a secret to keep."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("A_SECRET", SECRET)


@pytest.fixture
def places(zygote, tmp_path) -> list[str]:
    """Beginnings of host paths that no report may name."""
    paths = [str(ROOT), str(zygote.spool), str(tmp_path), str(Path("~").expanduser()), sys.prefix, sys.base_prefix]
    paths += [sysconfig.get_path(name) for name in ("stdlib", "purelib")]
    starts = {"/".join(path.split("/")[:3]) for path in paths if not path.startswith("/usr")}
    return [start for start in starts if len(start) > 2]


@pytest.fixture
def assert_harmless(places, course) -> Callable[..., None]:
    """Look at a grade in all its forms."""

    def look(grade: Grade) -> None:
        shown = show(grade, course)
        assert_shown_harmless(shown, places)
        tame = show(tamed(grade), course)
        assert Tags(shown.page).found <= Tags(tame.page).found
        assert not grade.broken
        assert max(map(len, texts(msgspec.to_builtins(grade)))) <= LONGEST
        assert max(map(cell_len, shown.terminal.splitlines())) <= 80

    return look


def show(grade: Grade, course: Course) -> Shown:
    """Write the grade as the command does."""
    conditions = Conditions("grade submit ada --seed 1", {"torch": "2"}, {}, [])
    stream = io.StringIO()
    print_grade(grade, conditions, stream)
    return Shown(to_json(grade), stream.getvalue(), course.reports["html"].page(grade, conditions))


def assert_shown_harmless(shown: Shown, places: Iterable[str]) -> None:
    """No form obeys, leaks or grows."""

    def refuse(literal: str) -> None:
        raise AssertionError(f"{literal} is no JSON")

    decoded = json.loads(shown.json, parse_constant=refuse)
    for text in (*texts(decoded), shown.terminal, shown.page):
        assert FORBIDDEN.findall(text) == []
    for document in (shown.json, shown.terminal, shown.page):
        assert len(document.encode()) < 400_000
        assert [place for place in places if place in document] == []
        assert SECRET not in document
    assert max(map(len, shown.terminal.splitlines())) <= LONGEST
    # nothing but the last line is the total, however a text is broken into lines
    assert [line[:6] for line in shown.terminal.splitlines()].count("Total:") == 1
    # nor is a flag told to the student
    for flag in {flag for exercise in (decoded, *decoded["exercises"]) for flag in exercise["flags"]}:
        assert flag not in shown.terminal
        assert flag not in shown.page


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


# How a row is graded


def ways(row: str) -> list[str]:
    """The functions and classes of a row, but for its helpers: those with arguments or bases."""
    tree = ast.parse((HERE / f"{row}.py").read_text())
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not ast.unparse(node.args)]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.bases]
    found += [node.name for node in classes if any(isinstance(part, ast.Assign) for part in node.body) or node.keywords]
    return [name for name in found if name != "quick"]


def asking(names: Iterable[str]) -> Exercise:
    """An exercise that calls each, says what came back, and asks once more for a plain answer."""
    exercise = Exercise("task", title="A task", statement="Answer.", names=("quick", *names))

    def telling(name):
        def check(student):
            returned = student.call(name)
            raise Unmet(f"`{name}` returned {returned!r}", f"Return less than {returned!r}.")

        return check

    @exercise.check(points=1)
    def before(student):
        """An answer before the others."""
        expect(student.call("quick") == 7, "`quick` is wrong")

    add_checks(exercise, names, telling)

    @exercise.check(points=1)
    def after(student):
        """An answer after the others."""
        expect(student.call("quick") == 7, "`quick` is wrong")

    return exercise


def reading_recipes(names: Iterable[str]) -> Exercise:
    """An exercise that reads the recipe of each class, and calls nothing."""
    exercise = Exercise("task", title="A task", statement="Answer.", names=tuple(names))
    default = Recipe(lr=0.01, batch_size=32, steps=100)

    def reading(name):
        def check(student):
            raise Unmet(f"it was taken: {read_recipe(student.attribute(name, 'recipe'), default)}")

        return check

    add_checks(exercise, names, reading)
    return exercise


def add_checks(exercise: Exercise, names: Iterable[str], make: Callable[[str], Callable[..., None]]) -> None:
    """A check for each name."""
    for name in names:
        check = make(name)
        check.__name__, check.__doc__ = name, f"The way {name}."
        exercise.check(points=1)(check)


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
def grade_row(grade_text, submission) -> Callable[..., ExerciseGrade]:
    """Grade a row by an exercise made of its ways."""

    def run(row: str, make: Callable[[Iterable[str]], Exercise] = asking, **limits: float) -> Grade:
        return grade_text(submission({"task.py": (HERE / f"{row}.py").read_text()}), make(ways(row)), **limits)

    return run


# The rows


@dataclass(frozen=True)
class Row:
    """A row, the status of its exercise, and of the checks of its ways; of those in `but`, another."""

    name: str
    status: str = "graded"
    checks: str = "error"
    but: dict[str, str] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)


ROWS = [
    Row("t1_messages"),
    Row("t2_objects"),
    Row("t3_frames"),
    Row("t5_values", checks="failed", but={"around_itself": "error"}),
    Row("t6_places", but={"returned": "failed", "a_type": "failed"}),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_texts_are_told_where_they_belong_and_do_no_harm(grade_row, assert_harmless, row):
    """Each way is judged by itself, and the answers around them count."""
    grade = grade_row(row.name, **row.limits)
    assert_harmless(grade)
    (exercise,) = grade.exercises
    before, *checks, after = exercise.checks
    expected = {check.id: row.but.get(check.id, row.checks) for check in checks}
    assert {check.id: check.status for check in checks} == expected
    assert (exercise.status, exercise.flags, before.status, after.status) == (row.status, [], "passed", "passed")


UNTELLABLE = "crashed"
"""The status of an exercise after an exception that nobody can look at."""


@pytest.mark.parametrize("way", ways("t4_endings"))
def test_exceptions_that_cannot_be_told_end_one_check(grade_row, assert_harmless, way):
    """What looks at them is the worker, which may die of it or be stopped. The rest goes on in another."""
    grade = grade_row("t4_endings", lambda names: asking([way]), seconds=4)
    assert_harmless(grade)
    (exercise,) = grade.exercises
    before, check, after = exercise.checks
    assert (before.status, check.status, before.points) == ("passed", "error", 1)
    if way == "hangs":
        assert (exercise.status, after.status) == ("timeout", "skipped")
        assert "stopped" in check.message
    else:
        assert (exercise.status, after.status) == (UNTELLABLE, "passed")
    assert exercise.flags == []


def test_failed_statements_with_hostile_texts_are_notes(grade_row, assert_harmless):
    grade = grade_row("t7_top_level")
    assert_harmless(grade)
    (exercise,) = grade.exercises
    assert (exercise.status, exercise.points, exercise.flags) == ("graded", 2, ["plain-import-failed"])
    assert sum("was left out" in note for note in exercise.notes) == 5
    assert "more statements were left out" in exercise.notes[-1]


def test_recipes_of_hostile_texts_are_refused(grade_row, assert_harmless):
    """As long as nothing has been called, the exercise's own message is that of the first recipe."""
    grade = grade_row("t8_recipes", reading_recipes)
    assert_harmless(grade)
    (exercise,) = grade.exercises
    assert {check.status for check in exercise.checks} == {"error"}
    assert exercise.status == "error"
    assert exercise.message == exercise.checks[0].message


def test_a_near_name_is_named_harmlessly(grade_text, submission, assert_harmless):
    folder = submission({"task.py": (HERE / "t9_missing.py").read_text()})
    grade = grade_text(folder, asking(["attack"]))
    assert_harmless(grade)
    (exercise,) = grade.exercises
    assert exercise.status == "missing"
    assert exercise.message == "found `<b>quick` in `task.py`, expected `quick`"


LINE = "x = '</pre><script>alert(1)</script>\x1b[31m\u202e\x9b' + "


@pytest.mark.parametrize(
    "source",
    {
        "a line": LINE,
        "a null byte": LINE + "'\0'",
        "a long line": "x = (" + "'<b>', " * 20_000,
        "deep": "x = " + "(" * 50_000,
        "an encoding": f"# coding: {'script' * 1000}\n",
        "a late line": "\n" * 1_000_000 + LINE,
        "tabs": "\t" * 200 + LINE,
        "carriage returns": "x = 1\r\r\r" + LINE,
    }.values(),
    ids=lambda source: "",
)
def test_lines_that_are_no_python_are_shown_harmlessly(grade_text, submission, assert_harmless, source):
    grade = grade_text(submission({"task.py": source}), asking(["attack"]))
    assert_harmless(grade)
    (exercise,) = grade.exercises
    assert (exercise.status, exercise.points) == ("error", 0)
    assert "task.py" in exercise.message


# Names of files and folders

NAMES = {
    "markup": b"<script>alert(1)<img src=x onerror=alert(1)>",
    "control": b"\x1b[31m\x1b]0;title\x07\xc2\x9b2J\r\x08\x7f",
    "lines": b"ada\n\nTotal: 2 of 2 points, 100 % (graded)\nReport",
    "turned": "abc\u202egnp\u2066x\u200f\u2028\u2029\u200b".encode(),
    "no text": b"ada\xff\xfe\xed\xa0\x80",
    "long": b"<" * 240,
    "quotes": b"a'b\"c`d`{{ 7 * 7 }}%s{0}",
    "dashes": b"--help",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_of_folders_and_files_are_shown_harmlessly(grade_text, tmp_path, assert_harmless, name):
    """The folder, what is in it, what is left out of it, and a file alone."""
    folder = tmp_path / os.fsdecode(name)
    inner = folder / os.fsdecode(name)
    inner.mkdir(parents=True)
    (inner / os.fsdecode(name + b".py")).write_text(
        "def quick(): return 7\ndef attack(): return open('nothing')\nx()\n"
    )
    (folder / os.fsdecode(name + b".txt")).symlink_to("/etc/passwd")
    os.mkfifo(folder / os.fsdecode(name + b"-"))
    for path in (folder, inner / os.fsdecode(name + b".py")):
        grade = grade_text(path, asking(["attack"]))
        assert_harmless(grade)
        assert "\n" not in grade.submission
        assert grade.status == "graded" or name == NAMES["no text"]
        assert {exercise.status for exercise in grade.exercises} <= {"graded", "missing"}


def test_names_in_an_archive_are_shown_harmlessly(grade_text, tmp_path, assert_harmless):
    path = tmp_path / os.fsdecode(NAMES["control"] + b".zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"</pre><script>" * 1000
        for name in NAMES.values():
            text = name.decode("utf-8", "backslashreplace")
            for entry in (f"{text}.py", f"../{text}", f"{text}/" * 20, f"{text * 100}/x.py"):
                archive.writestr(entry, "y()\n")
            link = zipfile.ZipInfo(f"{text}.link")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
        archive.writestr("task.py", "def quick(): return 7\ndef attack(): return __file__\n")
    grade = grade_text(path, asking(["attack"]))
    assert_harmless(grade)
    assert [exercise.points for exercise in grade.exercises] == [2]


# The command


@pytest.fixture
def command(cli, tmp_path, places) -> Callable[..., Shown]:
    """Grade a folder by the command, once for the document, once for the terminal and the page."""

    def run(folder: Path, exercise: str) -> Shown:
        arguments = ("submit", folder, "--exercise", exercise, "--seed", 1)
        environment = {"A_SECRET": SECRET, "GRADE_SECRET": SECRET}
        document = cli(*arguments, "--format", "json", env=environment)
        told = cli(*arguments, "--output", "out", env=environment)
        assert (document.returncode, told.returncode) == (0, 0), document.stderr + told.stderr
        assert document.stderr == told.stderr == ""
        (file,) = (tmp_path / "cwd" / "out").iterdir()
        shown = Shown(document.stdout, told.stdout, file.read_text(encoding="utf-8"))
        assert_shown_harmless(shown, places)
        return shown

    return run


@pytest.mark.slow
def test_a_hostile_submission_is_shown_like_an_honest_one(command, grade, submission, course):
    """A folder and a layer whose every text is hostile, against a layer that fails with words."""
    name = os.fsdecode(NAMES["lines"].replace(b"\n\n", b"\n\x1b[31m") + NAMES["turned"])
    folder = submission({"my_rnn.py": (HERE / "t10_my_rnn.py").read_text()}, name)
    (folder / os.fsdecode(NAMES["control"])).symlink_to("/etc/passwd")
    shown = command(folder, "my_rnn")
    (exercise,) = json.loads(shown.json)["exercises"]
    assert exercise["status"] == "graded"
    assert "parameter </pre><script>" in shown.json
    assert "raised ValueError: </pre><script>" in shown.json

    honest = re.sub("^MARKUP = .*$", "MARKUP = 'no'", (HERE / "t10_my_rnn.py").read_text(), flags=re.MULTILINE)
    page = show(grade(submission({"my_rnn.py": honest}, "bob")), course).page
    assert Tags(shown.page).names() == Tags(page).names()


@pytest.mark.slow
def test_a_hostile_recipe_is_refused_with_its_key(command, submission):
    shown = command(submission({"adding_problem.py": (HERE / "t11_adding_problem.py").read_text()}), "adding_problem")
    (exercise,) = json.loads(shown.json)["exercises"]
    assert exercise["status"] == "graded"
    refused = [check for check in exercise["checks"] if check["status"] == "error"]
    assert all("`recipe` has a key `</pre><script>" in check["message"] for check in refused)
    assert [check["id"] for check in refused] == ["learns"]
