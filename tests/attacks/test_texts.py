"""Attacks by text: whatever a student can write, a report shows it, shortened and harmless, and stays a report.

A row's functions are its ways: each is a check of its own, called in the jail, so that one submission holds many.
"""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from grader import Exercise, Unmet
from grader.authoring.recipe import Recipe, read_recipe
from grader.records.grade import Grade

pytestmark = pytest.mark.jail

HERE = Path(__file__).parent / "texts"


def ways(row: str) -> list[str]:
    """The functions and classes of a row, but for its helpers: those with arguments or bases."""
    tree = ast.parse((HERE / f"{row}.py").read_text())
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not ast.unparse(node.args)]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.bases]
    found += [node.name for node in classes if any(isinstance(part, ast.Assign) for part in node.body) or node.keywords]
    return [name for name in found if name != "quick"]


def reading_recipes(names: Iterable[str]) -> Exercise:
    """An exercise that reads the recipe of each class, and calls nothing."""
    exercise = Exercise("task", title="A task", statement="Answer.", names=tuple(names))
    default = Recipe(lr=0.01, batch_size=32, steps=100)

    def reading(name):
        def check(student):
            raise Unmet(f"it was taken: {read_recipe(student.attribute(name, 'recipe'), default)}")

        check.__name__, check.__doc__ = name, f"The way {name}."
        return check

    for name in names:
        exercise.check(points=1)(reading(name))
    return exercise


@pytest.fixture
def grade_row(grade_text, submission, asking) -> Callable[..., Grade]:
    """Grade a row by an exercise made of its ways."""

    def run(row: str, make: Callable[[Iterable[str]], Exercise] = asking, **limits: float) -> Grade:
        return grade_text(submission({"task.py": (HERE / f"{row}.py").read_text()}), make(ways(row)), **limits)

    return run


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


@pytest.mark.parametrize("way", ways("t4_endings"))
def test_exceptions_that_cannot_be_told_end_one_check(grade_row, assert_harmless, asking, way):
    """What looks at them is the worker, which may die of it or be stopped. The rest goes on in another."""
    grade = grade_row("t4_endings", lambda names: asking([way]), seconds=4)
    assert_harmless(grade)
    (exercise,) = grade.exercises
    before, check, after = exercise.checks
    assert (before.status, check.status, before.points) == ("passed", "error", 1)
    if way == "hangs":
        assert (exercise.status, after.status) == ("timeout", "skipped")
        assert "stopped" in check.message
    elif way == "exits_when_told":
        assert (exercise.status, after.status) == ("crashed", "passed")
    else:
        assert (exercise.status, after.status) == ("graded", "passed")
        assert "(inspecting it raises an exception)" in check.message
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


def test_a_near_name_is_named_harmlessly(grade_text, submission, assert_harmless, asking):
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
def test_lines_that_are_no_python_are_shown_harmlessly(grade_text, submission, assert_harmless, asking, source):
    grade = grade_text(submission({"task.py": source}), asking(["attack"]))
    assert_harmless(grade)
    (exercise,) = grade.exercises
    assert (exercise.status, exercise.points) == ("error", 0)
    assert "task.py" in exercise.message
