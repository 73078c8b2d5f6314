"""`grade verify`, and `pytest --grade-verify`, on small courses that do not prove what they should."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from grader import LearningTask
from grader.authoring.exercise import Exercise
from grader.authoring.recipe import Recipe
from grader.course import calibration
from grader.course.calibration import CalibrationFile, Row, Table
from grader.course.fingerprint import hash_of_solution, hash_of_training
from grader.course.loading import load_course
from grader.course.settings import read_settings
from grader.learning.learned import Learned
from grader.learning.run import Run
from grader.records.limits import Limits
from grader.verify import advice
from grader.verify.verify import verify_check

EXERCISE = '''
"""Answer."""
from grader import Exercise, expect

exercise = Exercise("answer", title="Answer", statement=__doc__, names=("answer",))

@exercise.check(points=1)
def right(student):
    """answer() is 42."""
    value = student.call("answer")
    expect(value == 42, f"answer() is {value}", hint="Think of the universe.")

@exercise.check(points=1, needs=right)
def constant(student):
    """answer() stays what it is."""
    expect(student.call("answer") == student.call("answer"), "answer() changes")
'''
GOOD = "def answer():\n    return 42\n"
WRONG = '"""answer.right: one too few.\n\nHint: universe\n"""\ndef answer():\n    return 41\n'
RESTLESS = (
    '"""answer.constant: it counts its calls.\n\nHint: changes\n"""\n'
    "calls = []\n"
    "def answer():\n    calls.append(1)\n    return 42 if len(calls) < 2 else len(calls)\n"
)
COURSE = {
    "exercises/answer/__init__.py": EXERCISE,
    "exercises/answer/starter.py": "def answer():\n    raise NotImplementedError\n",
    "solutions/reference/answer.py": GOOD,
    "solutions/answer/wrong/answer.py": WRONG,
    "solutions/answer/restless/answer.py": RESTLESS,
}


@pytest.fixture
def verify(verify_here):
    """Verify the course above with some files changed; those that are None are left out."""
    return lambda changes, **options: verify_here({**COURSE, **changes}, **options)


@pytest.fixture
def command(invoke, submission):
    """The same by the command."""

    def run(changes, *options):
        files = {path: text for path, text in {**COURSE, **changes}.items() if text is not None}
        return invoke("verify", "--course", submission(files, name="course"), "--seed", 3, *options)

    return run


@pytest.mark.slow
def test_a_course_that_proves_itself_passes(command):
    result = command({})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "The course is verified (seed 3)" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes, words",
    [
        ({"solutions/reference/answer.py": WRONG}, "right is failed: answer() is 41"),
        ({"solutions/reference/answer.py": None}, "the exercise has no reference solution"),
        ({"solutions/answer/restless/answer.py": None}, "no mistake in solutions/ fails this check"),
        ({"solutions/answer/wrong/answer.py": WRONG.replace("universe", "tanh")}, "right does not mention 'tanh'"),
        ({"solutions/answer/wrong/answer.py": WRONG.replace("41", "42")}, "right must fail, but its status is passed"),
        (
            {"solutions/answer/wrong/answer.py": WRONG.replace("right:", "left:")},
            "names 'answer.left', which is not a check",
        ),
        ({"solutions/answer/wrong/answer.py": "def answer():\n    return 41\n"}, "its first line must read"),
        ({"exercises/answer/starter.py": GOOD}, "a starter must earn 0 points and break nothing"),
        ({"exercises/answer/starter.py": None}, "exercises/answer/starter.py is missing"),
    ],
)
def test_what_is_not_proved_is_said(verify, changes, words):
    result = verify(changes)
    assert result.returncode == 1, result.stdout + result.stderr
    assert words in result.stdout


@pytest.mark.slow
def test_a_course_without_solutions_cannot_be_verified(command):
    result = command({path: None for path in COURSE if path.startswith("solutions")})
    assert result.returncode == 2
    assert "has no solutions/ folder" in result.stderr


@pytest.mark.slow
def test_one_solution_can_be_verified_alone(command):
    broken = {"solutions/answer/wrong/answer.py": WRONG.replace("41", "42")}
    result = command(broken, "--only", "restless", "--only", "reference")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("ok ") == 2
    assert "The chosen solutions are verified" in result.stdout
    result = command(broken, "--only", "wrong")
    assert result.returncode == 1
    assert "right must fail, but its status is passed" in result.stdout
    assert "\n1 problems" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rigth", "answer", "answer/wrong"])
def test_a_solution_that_is_not_there_is_named(command, name):
    """Nor is an exercise a solution, or a path the name of one: nothing would be looked at, and all would seem well."""
    result = command({}, "--only", name)
    assert result.returncode == 2
    assert f"solutions/ has no folder {name!r}" in result.stderr


@pytest.mark.slow
def test_a_solution_to_another_exercise_is_not_there(command):
    other = EXERCISE.replace('"answer", t', '"question", t')
    files = {"exercises/question/__init__.py": other, "solutions/question/late/question.py": "answer = 1\n"}
    result = command(files, "answer", "--only", "late")
    assert result.returncode == 2
    assert "solutions/ has no folder 'late' with a solution to answer" in result.stderr


# What is missing though the grades come out right.


@pytest.mark.slow
def test_a_mistake_that_no_hint_names_is_a_warning(verify):
    """Neither its author says what the student reads there, nor does the check show any hint."""
    result = verify({"solutions/answer/restless/answer.py": RESTLESS.replace("Hint: changes", "")})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "warning  answer           restless" in result.stdout
    assert "no hint names this mistake: constant shows none" in result.stdout
    assert "The course is verified (seed 3); 1 warnings." in result.stdout
    # `right` shows a hint, whether or not its mistake says which
    result = verify({"solutions/answer/wrong/answer.py": WRONG.replace("Hint: universe", "")})
    assert "warning" not in result.stdout


@pytest.mark.slow
def test_a_reference_that_is_nearly_too_slow_is_a_warning(verify):
    """Three calls, which take 3.6 of 6 seconds."""
    changes = {
        "exercises/answer/__init__.py": EXERCISE.replace(
            'names=("answer",)', 'names=("answer",), limits={"seconds": 6}'
        ),
        "solutions/reference/answer.py": "import time\ndef answer():\n    time.sleep(1.2)\n    return 42\n",
    }
    result = verify(changes)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "of the 6 s allowed for all" in result.stdout


TASK = LearningTask(
    model="Model",
    arguments=(),
    draw=lambda count, generator: ((torch.rand(count, 1, generator=generator),), torch.zeros(count, 1)),
    score=lambda predictions, targets: 0.0,
    metric="error",
    best=0.1,
    half=0.3,
    zero=0.6,
    worst=1.0,
    stop=0.05,
    steps=10,
    lr=0.1,
    batch_size=4,
    seconds=10.0,
)
ACCURACY = replace(TASK, best=0.9, half=0.8, zero=0.7, worst=0.5, stop=0.95)


@pytest.mark.parametrize(
    ("task", "names"),
    [
        (TASK, None),
        (ACCURACY, None),
        (replace(TASK, stop=0.1, worst=0.6), None),
        (replace(TASK, stop=0.2), ("stop", "best")),
        (replace(TASK, half=0.1), ("best", "half")),
        (replace(TASK, half=0.7), ("half", "zero")),
        (replace(TASK, zero=0.3), ("half", "zero")),
        (replace(TASK, zero=1.1), ("zero", "worst")),
        (replace(ACCURACY, stop=0.8), ("stop", "best")),
        (replace(ACCURACY, zero=0.4), ("zero", "worst")),
        (replace(TASK, half=math.nan), ("best", "half")),
    ],
)
def test_anchors_that_are_out_of_order_are_named(task, names):
    problem = next(advice.threshold_problems(task), None)
    assert (problem is None) == (names is None)
    if names is not None:
        assert f"`{names[0]}` and `{names[1]}` are out of order" in problem
        assert f"zero {task.zero:g}" in problem


def learned(*, score=0.0, untrained=1.0, seconds=1.0, observations=None):
    run = Run(Recipe(lr=0.1, batch_size=4, steps=10), untrained=untrained, score=score, seconds=seconds)
    run.observations = observations or {}
    return Learned(TASK, run, [run])


def exercise_that(*, waits):
    """An exercise with a learning check, and one beside it that may wait for it."""
    exercise = Exercise("task", title="Task", statement="Learn.", names=("Model",))

    @exercise.check(points=1, task=TASK)
    def learns(student):
        """It learns."""

    @exercise.check(points=1, needs=learns if waits else ())
    def other(student):
        """Another."""

    return exercise


def test_a_trained_model_that_nobody_looks_at_is_a_warning():
    blind = exercise_that(waits=False)
    (told,) = advice.probe_warnings(blind, [("learns", learned())])
    assert "no check looks at the trained model" in told
    assert "needs=learns" in told
    assert list(advice.probe_warnings(blind, [("learns", learned(observations={"longer": 1}))])) == []
    assert list(advice.probe_warnings(exercise_that(waits=True), [("learns", learned())])) == []
    assert list(advice.probe_warnings(blind, [])) == []  # it trains nothing


def test_slow_checks_and_slow_trainings_are_told_apart():
    assert list(advice.time_warnings(Limits(seconds=10), 4.9, [("learns", learned(seconds=4.9))])) == []
    (checks,) = advice.time_warnings(Limits(seconds=10), 5.1, [])
    assert "its checks took 5 of the 10 s" in checks
    (training,) = advice.time_warnings(Limits(seconds=10), 0.0, [("learns", learned(seconds=5.1))])
    assert "a training of learns took 5.1 of the 10 s" in training


def test_an_untrained_reference_that_earns_points_is_a_warning():
    assert list(advice.untrained_warnings([("learns", learned(untrained=0.7))])) == []
    (told,) = advice.untrained_warnings([("learns", learned(untrained=0.5))])
    assert "before any training its error is 0.5" in told


LEARNING = '''"""Learn."""
from grader import Exercise, LearningTask

exercise = Exercise("task", title="Task", statement=__doc__, names=("Model",))
TASK = LearningTask("Model", (), None, None, "error", best=0.1, half=0.3, zero=0.6, worst=1.0, stop=0.05, steps=10,
                    lr=0.1, batch_size=4)

@exercise.check(points=1, task=TASK)
def learns(student):
    """It learns."""
'''


@pytest.fixture
def told_of(submission):
    """What is said of a learning check that some mistake fails, when these rows were measured before the change."""

    def tell(rows, *, source=LEARNING, is_stale=False, solutions=None, changed=()):
        folder = submission({"exercises/task/__init__.py": source, **(solutions or {})}, name="course")
        course = load_course(read_settings(folder), entry_points=False)
        exercise = course.exercises[0]
        if rows is not None:
            digest = "0" * 16 if is_stale else hash_of_training(folder, exercise, exercise.checks[0])
            found = {}
            for row in rows:
                found.setdefault(row.solution, []).append(row)
            sources = {
                name: "changed" if name in changed else hash_of_solution(file)
                for name, file in calibration.sources(folder, "task").items()
            }
            tables = {name: Table(digest, sources.get(name, ""), {}, measured) for name, measured in found.items()}
            calibration.save(folder, CalibrationFile("task", "learns", "cpu", tables))
        return [f.problem or f.warning for f in verify_check(course, exercise, "learns", True, "cpu")]

    return tell


def rows(solution, count, *, right):
    """Measured runs, of which so many earned everything; the others in each of the three trainings of a reference."""
    numbers = range(3 if solution.startswith("reference") else 1)
    wanted = [(seed, number) for seed in range(count) for number in numbers if number == 0 or seed >= right]
    return [Row(solution, seed, number, 0.02 if seed < right else 0.4, 10, []) for seed, number in wanted]


def test_a_learning_check_that_was_measured_and_keeps_its_anchors_is_fine(told_of):
    assert told_of([*rows("reference", 20, right=18), *rows("wrong", 10, right=1)]) == []


def test_what_was_not_measured_is_a_warning(told_of):
    assert told_of(None) == ["its error rate has not been measured: `grade verify task --calibrate 25 --mistakes 4`"]


def test_what_was_measured_in_a_few_runs_is_a_warning(told_of):
    (told,) = told_of(rows("reference", 1, right=1))
    assert "was measured with too few reference runs (1)" in told


def test_a_stale_calibration_is_a_warning(told_of):
    (told,) = told_of(rows("reference", 20, right=20), is_stale=True)
    assert "its calibration is stale" in told


def test_a_reference_that_was_never_measured_and_a_solution_that_changed_are_named(told_of):
    """A new mistake is not: its verdict is proof enough."""
    names = ("reference", "reference-new", "task/wrong", "task/other")
    solutions = {f"solutions/{name}/task.py": "x = 1\n" for name in names}
    measured = [*rows("reference", 20, right=20), *rows("wrong", 4, right=0)]
    (told,) = told_of(measured, solutions=solutions, changed=("wrong",))
    assert "new or changed since the calibration: reference-new, wrong;" in told


def test_a_mistake_that_always_scores_well_is_caught_beside_its_score(told_of):
    assert told_of([*rows("reference", 20, right=20), *rows("wrong", 10, right=10)]) == []


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (rows("reference-lstm", 20, right=17), "reference-lstm fell short of full marks in 3 of 20 measured runs"),
        (
            [*rows("reference", 20, right=20), *rows("wrong", 10, right=2)],
            "wrong earned full marks in single trainings in 2 of 10 measured runs",
        ),
    ],
)
def test_solutions_that_fell_outside_the_anchors_are_named(told_of, measured, words):
    (told,) = told_of(measured)
    assert words in told
    assert "`best` is 0.1" in told


def test_anchors_out_of_order_are_a_problem(told_of):
    told = told_of(rows("reference", 20, right=20), source=LEARNING.replace("zero=0.6", "zero=0.2"))
    assert any("`half` and `zero` are out of order" in text for text in told)


# The same as test items.


@pytest.fixture
def pytest_in(submission):
    """Run pytest in the course above with some files changed."""

    def run(changes, *options):
        files = {path: text for path, text in {**COURSE, **changes}.items() if text is not None}
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRADE_", "PYTEST_"))}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *options]
        folder = submission(files, name="course")
        return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=120)

    return run


@pytest.mark.slow
def test_each_solution_and_each_check_is_a_test(pytest_in):
    result = pytest_in({}, "--grade-verify", "--grade-verify-seed", "3")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "grade-verify: seed 3" in result.stdout
    for item in (
        "exercises/answer/__init__.py::starter",
        "exercises/answer/__init__.py::right",
        "exercises/answer/__init__.py::constant",
        "solutions/reference/answer.py::answer",
        "solutions/answer/restless/answer.py::answer",
        "solutions/answer/wrong/answer.py::answer",
    ):
        assert f"PASSED {item}\n" in result.stdout
    assert "6 passed" in result.stdout


@pytest.mark.slow
def test_what_is_not_proved_fails_in_one_plain_sentence(pytest_in):
    """A mistake that is not caught, and a check that nothing fails; what is missing is a warning."""
    changes = {
        "solutions/answer/wrong/answer.py": WRONG.replace("41", "42"),
        "solutions/answer/restless/answer.py": RESTLESS.replace("Hint: changes", ""),
    }
    result = pytest_in(changes, "--grade-verify", "exercises", "solutions/answer")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "right (never fails): no mistake in solutions/ fails this check" in result.stdout
    assert "wrong (2 of 2): right must fail, but its status is passed" in result.stdout
    assert "LacksSomething: answer, restless: no hint names this mistake" in result.stdout
    assert "2 failed, 3 passed, 1 warning" in result.stdout
    assert "Traceback" not in result.stdout


@pytest.mark.slow
def test_a_broken_course_is_one_line_of_the_collection(pytest_in):
    result = pytest_in({"exercises/answer/__init__.py": EXERCISE + "1 / 0\n"}, "--grade-verify", "exercises")
    assert result.returncode == 2
    assert (
        "the course cannot be loaded: exercises/answer/__init__.py: ZeroDivisionError: division by zero, line"
        in result.stdout
    )


@pytest.mark.slow
def test_nothing_is_collected_nor_imported_unless_it_is_asked_for(pytest_in):
    result = pytest_in({}, "exercises/answer/__init__.py")
    assert "no tests ran" in result.stdout
    code = "import sys, grader.pytest_plugin.proof; ours = {n for n in sys.modules if n.startswith('grader.')}; "
    code += "sys.exit(bool(ours - {'grader.pytest_plugin', 'grader.pytest_plugin.proof'}) or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent).returncode == 0
