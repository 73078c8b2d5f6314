"""A course folder: loaded whole or refused in one line, and what a check of its own does to a grade."""

import json
import math
import sys
import textwrap

import pytest

from grader import Unmet
from grader.course.loading import UnknownExercise, effective_limits, load_course
from grader.course.settings import CourseError, bundled, read_settings
from grader.grading.grading import grade
from grader.grading.listener import Listener
from grader.intake.staging import stage, unstage
from grader.plugin import Conditions
from grader.records.grade import to_json
from grader.records.limits import Limits

SOLUTION = "from torch import nn\ndef one():\n    return 1\nclass Model(nn.Module):\n    def forward(self): return 1\n"


def plugin(checks="", *, id="task", head="", returns="[exercise]", hook="grader_exercises", options=""):
    """An exercise's source; `checks` is the body of its one check, or whole functions."""
    if "def " not in checks:
        body = textwrap.indent(checks or "expect(student.call('one') == 1, 'it is not')", "    ")
        checks = f'@exercise.check(points=3)\ndef first(student):\n    """The first promise."""\n{body}\n'
    return f'''"""A statement."""
import math
from grader import Exercise, Unmet, expect, hookimpl
{head}
exercise = Exercise("{id}", title="A task", statement=__doc__, names=("one",){options})

{checks}

@hookimpl
def {hook}():
    return {returns}
'''


@pytest.fixture
def folder(tmp_path):
    """Write a course: its settings, exercises and plugins by file name."""

    def write(settings="", *, plugins=None, **exercises):
        course = tmp_path / "course"
        for kind, files in (("exercises", exercises), ("plugins", plugins or {})):
            for name, source in files.items():
                file = course / kind / (f"{name}/__init__.py" if kind == "exercises" else f"{name}.py")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(source)
        course.mkdir(exist_ok=True)
        if settings:
            (course / "pyproject.toml").write_text(settings)
        return course

    yield write
    for name in [name for name in sys.modules if name.startswith("grader_course_")]:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def load(course):
    return load_course(read_settings(course), entry_points=False)


def refusal(course) -> str:
    """Why a course is refused: one line."""
    with pytest.raises(CourseError) as raised:
        load(course)
    text = str(raised.value)
    assert "\n" not in text
    return text


# What a course is.


def test_exercises_are_folders_in_the_order_of_their_ids(folder):
    course = folder(z=plugin(id="alpha"), a=plugin(id="omega"), _private="1 / 0", **{".hidden": "1 / 0"})
    package = course / "exercises" / "beta"
    package.mkdir()
    (package / "__init__.py").write_text(plugin(id="beta", head="from .data import POINTS"))
    (package / "data.py").write_text("POINTS = 3")
    (course / "exercises" / "notes.md").write_text("1 / 0")
    assert [exercise.id for exercise in load(course).exercises] == ["alpha", "beta", "omega"]


def test_a_course_without_plugins_reports_with_the_bundled_ones(folder):
    assert "html" in load(folder(task=plugin())).reports


def test_plugins_of_the_course_add_to_the_bundled_ones(folder):
    writer = "from grader.plugin import ReportWriter, hookimpl\n@hookimpl\ndef grader_reports(reports):\n"
    writer += "    return [ReportWriter('mine', lambda grade, conditions: 'page')]\n"
    loaded = load(folder(task=plugin(), plugins={"mine": writer}))
    assert set(loaded.reports) == {"html", "mine"}
    assert {"plain", "canvas"} <= set(loaded.layouts)


def test_a_plugin_of_the_course_replaces_the_bundled_one_of_its_name(folder):
    """An empty file takes one away; a folder is replaced by a file."""
    loaded = load(folder(task=plugin(), plugins={"html_report": '"""No page."""\n'}))
    assert loaded.reports == {} and "plain" in loaded.layouts


def test_courses_do_not_share_their_modules(folder, tmp_path):
    """Two courses with a file of one name keep apart; a dataclass in a plugin finds its module."""
    head = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass C:\n    a: int = 1\n"
    )
    source = plugin().replace('"""A statement."""\n', '"""A statement."""\n' + head)
    first = load(folder(task=source)).exercises[0]
    other = tmp_path / "other" / "exercises" / "task"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text(plugin(id="second"))
    assert (first.id, load(tmp_path / "other").exercises[0].id) == ("task", "second")


def test_the_bundled_course_is_whole():
    course = load(bundled())
    assert "my_rnn" in [exercise.id for exercise in course.exercises]
    assert course.pick(()) == course.exercises


def test_picking_what_is_not_there_says_what_there_is(folder):
    course = load(folder(a=plugin(id="a"), b=plugin(id="b")))
    with pytest.raises(UnknownExercise, match="unknown exercise 'c'; available: a, b"):
        course.pick(("c",))
    assert [exercise.id for exercise in course.pick(("b", "a", "b"))] == ["a", "b"]


# What is refused.


@pytest.mark.parametrize(
    ("sources", "words"),
    {
        "two of one id": ({"a": plugin(), "b": plugin()}, ["two exercises are called 'task'", "rename one"]),
        "a misspelt hook": ({"a": plugin(hook="grader_exercise")}, ["unknown hook 'grader_exercise'", "a"]),
        "a wrong argument": ({"a": plugin().replace("grader_exercises()", "grader_exercises(cours)")}, ["cours"]),
        "a missing import": (
            {"a": plugin(head="import nothing_of_that_name")},
            ["exercises/a/__init__.py", "ModuleNotFoundError", "line 4 of __init__.py"],
        ),
        "a syntax error": ({"a": plugin() + "def f(:\n"}, ["exercises/a/__init__.py", "SyntaxError"]),
        "an exception": (
            {"a": plugin(head="1 / 0")},
            ["exercises/a/__init__.py: ZeroDivisionError", "line 4 of __init__.py"],
        ),
        "an exit": ({"a": plugin(head="raise SystemExit(0)")}, ["exercises/a/__init__.py: SystemExit"]),
        "a hook that raises": ({"a": plugin(returns="1 / 0")}, ["ZeroDivisionError"]),
        "a hook that exits": ({"a": plugin(returns="exit(0)")}, ["SystemExit"]),
        "an exercise, not a list": ({"a": plugin(returns="exercise")}, ["not iterable"]),
        "a list of something else": ({"a": plugin(returns="[3]")}, ["3", "list of Exercise"]),
        "a check without a promise": (
            {"a": plugin("@exercise.check(points=1)\ndef f(s): pass")},
            ["task.f", "docstring"],
        ),
        "no points": ({"a": plugin("@exercise.check(points=0)\ndef f(s): 'p'")}, ["task.f", "points must be positive"]),
        "points that are NaN": (
            {"a": plugin("@exercise.check(points=math.nan)\ndef f(s): 'p'")},
            ["points must be positive"],
        ),
        "two checks of one name": (
            {"a": plugin("@exercise.check(points=1)\ndef f(s): 'p'\n@exercise.check(points=1)\ndef f(s): 'p'")},
            ["two checks are called 'f'"],
        ),
        "a need that is no check": (
            {"a": plugin("def g(s): 'p'\n@exercise.check(points=1, needs=g)\ndef f(s): 'p'")},
            ["needs 'g'", "not a check defined above"],
        ),
        "a limit that is unknown": (
            {"a": plugin(options=", limits={'second': 3}")},
            ["exercise 'task': limits", "second"],
        ),
        "a limit of another type": ({"a": plugin(options=", limits={'seconds': 'x'}")}, ["exercise 'task': limits"]),
    }.values(),
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_broken_plugin_is_one_line_that_names_it(folder, sources, words):
    text = refusal(folder(**sources))
    assert [part for part in words if part not in text] == [], text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[tool.grade", "pyproject.toml: cannot be read"),
        ("[tool]\ngrade = 3", "[tool.grade]"),
        ("tool = 3", "[tool.grade]"),
        ("[tool.grade]\nlimits = 3", "[tool.grade]"),
        ("[tool.grade]\npackages = 'numpy'", "[tool.grade]"),
        ("[tool.grade.limits]\nsecond = 3", "second"),
        ("[tool.grade.limits]\nseconds = 'long'", "seconds"),
        ("[tool.grade.limits]\nmemory_mib = 1.5", "memory_mib"),
    ],
)
def test_broken_settings_are_one_line_that_names_the_file(folder, settings, words):
    text = refusal(folder(settings, task=plugin()))
    assert words in text
    assert "pyproject.toml" in text


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert "no such course folder" in refusal(tmp_path / "nowhere")


@pytest.mark.slow
def test_a_broken_course_ends_the_command_with_3_before_any_grading(invoke, folder, submission):
    source = plugin(head="import nothing_of_that_name")
    result = invoke("submit", submission({"task.py": SOLUTION}), "--course", folder(task=source), "--format", "json")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("grade: exercises/task/__init__.py: ")
    assert result.stderr.count("\n") == 1


# Limits.


def test_limits_of_the_exercise_come_before_the_courses(folder):
    settings = "[tool.grade.limits]\nseconds = 7\nmemory_mib = 1000\n"
    course = load(folder(settings, a=plugin(id="a", options=", limits={'seconds': 3}"), b=plugin(id="b")))
    of_a, of_b = (effective_limits(course.settings, exercise) for exercise in course.exercises)
    assert (of_a.seconds, of_a.memory_mib, of_a.files_mib) == (3, 1000, Limits().files_mib)
    assert (of_b.seconds, of_b.memory_mib) == (7, 1000)


# Checks of a course's own, on real student code.


# What a course sets for an exercise.

DATED = plugin(
    head='def data(): return f\'{exercise.options["count"]} of {exercise.path("names")}\'',
    options=', options={"names": "", "count": 3}, data=data',
)


def test_an_exercise_gets_what_the_course_sets_for_it(folder):
    course = folder('[tool.grade.exercises.task]\nnames = "data/names"\n', task=DATED)
    (exercise,) = load_course(read_settings(course)).exercises
    assert exercise.options == {"names": "data/names", "count": 3}
    assert exercise.path("names") == course.resolve() / "data" / "names"


def test_an_exercise_has_its_defaults_where_the_course_sets_nothing(folder):
    (exercise,) = load_course(read_settings(folder(task=DATED))).exercises
    assert exercise.options == {"names": "", "count": 3}
    assert exercise.path("names") is None


@pytest.mark.parametrize(
    ("settings", "source", "words"),
    [
        ("[tool.grade.exercises.other]\nnames = 'x'", DATED, ["unknown exercise 'other'", "task"]),
        ("[tool.grade.exercises.task]\nnames_ = 'x'", DATED, ["has no option 'names_'", "names, count"]),
        ("[tool.grade.exercises.task]\nnames = 3", DATED, ["names is 3", "type str"]),
        ("[tool.grade.exercises.task]\nx = 3", plugin(), ["has no option 'x'", "it has none"]),
        ("[tool.grade.exercises]\ntask = 3", DATED, ["tool.grade"]),
        (
            "[tool.grade.exercises.task]\nnames = 'x'",
            DATED.replace("f'{", "f'{1 / 0}{"),
            ["ZeroDivisionError", "'task'"],
        ),
        (
            "[tool.grade.exercises.task]\nnames = 'x'",
            DATED.replace("return f'", "raise ValueError('too few'); return f'"),
            ["exercise 'task': too few"],
        ),
    ],
    ids=[
        "no such exercise",
        "no such option",
        "another type",
        "no options",
        "no table",
        "data that cannot be read",
        "data that will not do",
    ],
)
def test_what_cannot_be_set_is_one_line_before_any_grading(folder, settings, source, words):
    with pytest.raises(CourseError) as error:
        load_course(read_settings(folder(settings, task=source)))
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in words), error.value


def test_the_data_behind_an_exercise_stands_in_its_grade(folder, submission, zygote):
    """As a note: what was graded with what data can be told later."""
    course = load_course(read_settings(folder(task=DATED)))
    for files, notes in (({"task.py": SOLUTION}, ["3 of None"]), ({"other.py": "x = 1"}, [])):
        staged = stage(submission(files, name=f"with{len(notes)}"), zygote, Limits())
        try:
            answer = grade(staged, course.exercises, course, zygote, level="basic", seed=1)
        finally:
            unstage(staged, zygote)
        assert answer.exercises[0].notes == notes


def test_data_that_cannot_be_described_ends_no_grading(folder, submission, zygote):
    """What is wrong with it is told by the checks that need it."""
    course = load_course(read_settings(folder(task=DATED.replace("return f'", "raise OSError('gone'); return f'"))))
    staged = stage(submission({"task.py": SOLUTION}), zygote, Limits())
    try:
        answer = grade(staged, course.exercises, course, zygote, level="basic", seed=1)
    finally:
        unstage(staged, zygote)
    assert (answer.points, answer.exercises[0].notes) == (3, [])


@pytest.fixture
def graded(folder, submission, zygote, isolation):
    """Grade `SOLUTION` (or a source) with a course of these exercises; the grade, its course, the faults reported."""

    def run(source=SOLUTION, settings="", **exercises):
        course = load(folder(settings, **exercises))
        files = {f"{exercise.id}.py": source for exercise in course.exercises}
        staged = stage(submission(files), zygote, Limits(**course.settings.limits))
        faults = []
        try:
            result = grade(
                staged,
                course.exercises,
                course,
                zygote,
                level=isolation.level,
                seed=1,
                listener=Listener(internal_error=faults.append),
            )
        finally:
            unstage(staged, zygote)
        return result, course, faults

    return run


def test_two_courses_with_an_exercise_of_one_id_are_graded_side_by_side(
    folder, submission, zygote, isolation, tmp_path
):
    """In one process, in turn: each with its own checks, options and companions."""
    head = "from .data import WANTED"
    other = tmp_path / "elsewhere" / "exercises" / "task"
    for place, wanted, points in ((folder() / "exercises" / "task", 1, 3), (other, 2, 5)):
        place.mkdir(parents=True)
        source = plugin("expect(student.call('one') == WANTED, f'it is not {WANTED}')", head=head)
        (place / "__init__.py").write_text(source.replace("points=3", f"points={points}"))
        (place / "data.py").write_text(f"WANTED = {wanted}\n")
    courses = [load(tmp_path / "course"), load(other.parents[1])]
    staged = stage(submission({"task.py": SOLUTION}), zygote, Limits())
    seen = []
    for course in (*courses, *courses):
        result = grade(staged, course.exercises, course, zygote, level=isolation.level, seed=1)
        (check,) = result.exercises[0].checks
        seen.append((result.points, result.max_points, check.status))
        assert course.exercises[0].folder == course.settings.folder
    unstage(staged, zygote)
    assert seen == [(3, 3, "passed"), (0, 5, "failed")] * 2


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("raise KeyError('our secret')", "KeyError: 'our secret'"),
        ("secret = 'our secret'\nassert student.call('one') == 2, secret", "AssertionError: our secret"),
        ("return math.nan", "returned nan;"),
        ("return math.inf", "returned inf;"),
        ("return -0.1", "returned -0.1;"),
        ("return 1.1", "returned 1.1;"),
        ("return 'all'", "could not convert string to float"),
        ("return [1]", "TypeError"),
        ("student.nothing", "AttributeError"),
    ],
)
def test_our_fault_is_broken_and_costs_nobody_points(graded, body, fault):
    """Its points leave the total, the check tells nothing, the traceback goes to whoever runs it."""
    try:
        result, course, faults = graded(a=plugin(body, id="a"), b=plugin(id="b"))
    except Exception as error:
        raise AssertionError("a check of the course ended the whole run") from error
    broken, sound = result.exercises
    assert (broken.status, broken.points, sound.status, sound.points) == ("broken", 0, "graded", 3)
    assert (result.points, result.max_points, result.percent, result.broken) == (3, 3, 100, True)
    check = broken.checks[0]
    assert (check.status, check.points) == ("skipped", 0)
    assert "grader" in check.message
    assert "not your" in check.message
    assert len(faults) == 1
    assert fault in faults[0]
    page = course.reports["html"].page(result, Conditions("grade submit", {}, {}, []))
    for shown in (to_json(result), page):
        for secret in ("our secret", "Traceback", "Error", "returned nan;"):
            assert secret not in shown


@pytest.mark.slow
def test_our_fault_ends_the_command_with_3_and_a_traceback_on_standard_error(invoke, folder, submission):
    course = folder(task=plugin("raise KeyError('our secret')"))
    result = invoke("submit", submission({"task.py": SOLUTION}), "--course", course, "--format", "json")
    answer = json.loads(result.stdout)
    assert (result.returncode, answer["exercises"][0]["status"]) == (3, "broken")
    assert (answer["points"], answer["max_points"], answer["percent"]) == (0, 0, 0)
    assert "our secret" not in result.stdout
    assert "KeyError: 'our secret'" in result.stderr
    assert "exercises/task/__init__.py" in result.stderr


@pytest.mark.parametrize(
    ("body", "status", "points"),
    [
        ("pass", "passed", 3.0),
        ("return None", "passed", 3.0),
        ("return 1", "passed", 3.0),
        ("return True", "passed", 3.0),
        ("return 0.5", "partial", 1.5),
        ("return 1 / 3", "partial", 1.0),
        ("return 0.001", "partial", 0.0),
        ("return 0", "failed", 0.0),
        ("return False", "failed", 0.0),
        ("raise Unmet('no')", "failed", 0.0),
        ("return math.nextafter(1, 0)", "partial", 3.0),
        ("import torch; return torch.tensor(0.5)", "partial", 1.5),
        ("import numpy; return numpy.float32(0.5)", "partial", 1.5),
    ],
)
def test_a_check_returns_nothing_or_a_share(graded, body, status, points):
    result, _, faults = graded(task=plugin(body))
    check = result.exercises[0].checks[0]
    assert (check.status, check.points, faults) == (status, points, [])
    assert result.points == points
    assert check.message
    assert math.isfinite(result.percent)


NEEDS = '''
@exercise.check(points=1)
def first(student):
    """The first."""
    {first}

@exercise.check(points=1, needs=first)
def second(student):
    """The second."""
    {second}

@exercise.check(points=1, needs=[first, second])
def third(student):
    """The third."""

@exercise.check(points=1)
def fourth(student):
    """The fourth."""
'''


@pytest.mark.parametrize(
    ("first", "second", "statuses", "waits"),
    [
        ("pass", "pass", "passed passed passed passed", None),
        ("return 0.5", "pass", "partial passed passed passed", None),
        ("return 0", "pass", "failed skipped skipped passed", "waits for: The first."),
        ("raise Unmet('no')", "pass", "failed skipped skipped passed", "waits for: The first."),
        ("student.call('nothing')", "pass", "error skipped skipped passed", "waits for: The first."),
        ("pass", "return 0", "passed failed skipped passed", "waits for: The second."),
    ],
)
def test_checks_wait_for_what_they_need(graded, first, second, statuses, waits):
    """Passed or partial is enough; what waits in vain is skipped and says for what."""
    result, _, _ = graded(task=plugin(NEEDS.format(first=first, second=second)))
    checks = result.exercises[0].checks
    assert " ".join(check.status for check in checks) == statuses
    assert waits is None or checks[2].message == waits
    assert result.points == sum(check.points for check in checks)


def test_points_are_sums_of_rounded_points(graded):
    """A third of one point three times: 0.33 each, 0.99 in all."""
    thirds = "\n".join(
        f'@exercise.check(points=1)\ndef c{i}(student):\n    """C{i}."""\n    return 1 / 3' for i in range(3)
    )
    result, _, _ = graded(task=plugin(thirds))
    assert [check.points for check in result.exercises[0].checks] == [0.33] * 3
    assert (result.points, result.percent) == (0.99, 33.0)


def test_an_unmet_reason_is_shown_with_its_hint_and_no_more(graded):
    result, _, _ = graded(task=plugin("raise Unmet('a\\x1b[31mreason\\n' + 'x' * 100_000, 'a hint\\x00')"))
    check = result.exercises[0].checks[0]
    assert check.message.startswith("areason\nxxx")
    assert len(check.message) <= 4000
    assert check.hint == "a hint"


def test_names_that_are_missing_cost_the_checks_that_need_them(graded):
    """An exercise of two names of which one is there."""
    checks = '@exercise.check(points=1)\ndef a(student):\n    """A."""\n    student.call("one")\n'
    checks += '@exercise.check(points=2)\ndef b(student):\n    """B."""\n    student.call("two")\n'
    source = plugin(checks).replace('names=("one",)', 'names=("one", "two")')
    result, _, _ = graded(task=source)
    assert (result.exercises[0].status, result.points) == ("graded", 1)
    assert [check.status for check in result.exercises[0].checks] == ["passed", "error"]
    assert "`task.py` does not define `two`" in result.exercises[0].checks[1].message
    nothing, _, _ = graded("x = 1", task=source)
    assert (nothing.exercises[0].status, nothing.max_points) == ("missing", 3)
    assert {check.status for check in nothing.exercises[0].checks} == {"skipped"}


RULE = '''
@exercise.rule(flag="forbidden")
def keeps(student):
    """It keeps the rule."""
    {rule}

@exercise.check(points=1)
def first(student):
    """The first."""
'''


@pytest.mark.parametrize(
    ("rule", "status", "points", "flags"),
    [
        ("pass", "graded", 1, []),
        ("raise Unmet('it breaks it')", "disallowed", 0, ["forbidden"]),
        ("raise KeyError", "broken", 0, []),
        ("student.call('nothing')", "error", 0, []),
    ],
)
def test_a_rule_decides_before_the_checks(graded, rule, status, points, flags):
    result, _, _ = graded(task=plugin(RULE.format(rule=rule)))
    exercise = result.exercises[0]
    assert (exercise.status, exercise.points, exercise.flags, result.flags) == (status, points, flags, flags)
    if status == "disallowed":
        assert exercise.message == "it breaks it"
        assert {check.status for check in exercise.checks} == {"skipped"}


def test_unmet_carries_reason_and_hint():
    unmet = Unmet("why", "how")
    assert (str(unmet), unmet.reason, unmet.hint) == ("why", "why", "how")
