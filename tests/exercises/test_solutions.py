"""The bundled course proves itself: its solutions, its starters, and correct submissions in other styles."""

import re
from pathlib import Path

import pytest

from grader.course.loading import load_course
from grader.course.settings import read_settings, starter_of
from grader.grading.grading import grade as grade_submission
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits

ROOT = Path(__file__).parents[2]
COURSE = load_course(read_settings(), entry_points=False)
EXERCISES = [exercise.id for exercise in COURSE.exercises]
BY_HAND = [
    path
    for name in ("formula", "table", "ending-table", "table-and-network")
    for path in sorted(ROOT.glob(f"solutions/*/{name}"))
]
"""Rules written by hand: right, and nothing learned."""


@pytest.fixture
def grade_all(zygote, course, isolation):
    """Grade a path for all exercises of the bundled course."""
    zygote.prepare_training()

    def run(path, seed=1):
        staged = stage(path, zygote, Limits())
        try:
            return grade_submission(staged, course.exercises, course, zygote, level=isolation.level, seed=seed)
        finally:
            unstage(staged, zygote)

    return run


def solutions_to(exercise):
    """The folders of references and of mistakes, by name."""
    return [file.parent for file in sorted(ROOT.glob(f"solutions/**/{exercise}.py"))]


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES)
def test_verify_passes(verified, verify, exercise):
    """Each reference earns everything, each mistake is caught where it says, with its hint.

    Grades are a matter of seeds, and here are a hundred trainings: what goes wrong once in a hundred goes wrong in most
    runs of this test. So a solution may be graded once more, with another seed; what goes wrong twice is a fault.
    """
    result = verified[exercise].result
    if result.returncode == 1:
        unlucky = re.findall(r"^PROBLEM +\S+ +(\S+)", result.stdout, re.MULTILINE)
        assert 0 < len(unlucky) <= 2, result.stdout + result.stderr
        assert set(unlucky) <= {path.name for path in solutions_to(exercise)}, result.stdout
        again = verify(exercise, *(word for name in unlucky for word in ("--only", name)))
        assert again.returncode == 0, result.stdout + again.stdout + again.stderr
        assert "The chosen solutions are verified" in again.stdout
        return
    assert result.returncode == 0, result.stdout + result.stderr
    assert "The course is verified" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES)
def test_pages_of_all_solutions_are_readable(verified, exercise, assert_readable):
    """Those of references, of every mistake and of the starter, in a browser."""
    found = verified[exercise].pages
    assert set(found) == {*(path.name for path in solutions_to(exercise)), "starter"}
    for file in found.values():
        assert_readable(file, quickly=True)


def test_all_that_is_there_belongs_to_an_exercise():
    """Nothing is left behind where one was renamed, and what is found by its place is found."""
    beside = {path.name for path in ROOT.glob("solutions/*/") if not path.name.startswith("reference")}
    tried = {path.parent.name for kind in ("styles", "variants") for path in ROOT.glob(f"tests/exercises/*/{kind}/")}
    assert tried <= beside == set(EXERCISES)
    assert len(list(ROOT.glob("tests/exercises/*/styles/*/"))) >= 60
    assert len(BY_HAND) >= 5


@pytest.mark.parametrize("exercise", EXERCISES)
def test_there_are_enough_of_them(exercise, course):
    """References of several makes for what is trained, mistakes, and right programs in unusual hands."""
    (found,) = course.pick((exercise,))
    folders = [path.name for path in solutions_to(exercise)]
    mistakes = [name for name in folders if not name.startswith("reference")]
    assert "reference" in folders
    assert len(mistakes) >= 8
    assert len(mistakes) >= len(found.checks)
    assert len(folders) - len(mistakes) >= (3 if found.trains else 1)
    assert len(list(ROOT.glob(f"tests/exercises/{exercise}/styles/*/"))) >= 6


@pytest.mark.slow
def test_correct_styles_get_full_marks(style_in_ci, broken_promises):
    """With one seed, and with each with which one ever fell short; `make sweep` takes many."""
    assert not broken_promises(*style_in_ci)


def test_each_reference_gets_full_marks(reference_in_ci, broken_promises):
    """As styles; `grade verify` above takes another seed, drawn at random, and calibrations hold twenty and more."""
    assert not broken_promises(*reference_in_ci)


@pytest.mark.slow
@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_rule_written_by_hand_earns_nothing_for_learning(path, course, grade):
    """In all checks that train, to the last one; `test_verify_passes` grades it with one more seed, up to its claim."""
    (exercise,) = course.pick((path.parent.name,))
    answer = grade(path, exercise=exercise.id, seed=1).exercises[0]
    points = {check.id: check.points for check in answer.checks}
    trained = [points[check.id] for check in exercise.checks if check.task is not None]
    assert trained and set(trained) == {0.0}, answer


# All exercises together.


def all_in_one():
    """The references of all exercises, one below the other in a single file."""
    return "\n\n".join((ROOT / "solutions" / "reference" / f"{exercise}.py").read_text() for exercise in EXERCISES)


@pytest.mark.slow
def test_a_single_file_may_hold_all_exercises(submission, grade_all):
    """So may a folder: `test_each_reference_gets_full_marks` grades `solutions/reference` for each of them."""
    answer = grade_all(submission({"homework.py": all_in_one()}) / "homework.py")
    assert [exercise.status for exercise in answer.exercises] == ["graded"] * len(EXERCISES)
    assert answer.percent == 100, [lost for e in answer.exercises for lost in e.checks if lost.status != "passed"]


def test_exercises_that_are_left_out_count_and_say_so(submission, grade_all, reference):
    answer = grade_all(submission({"my_rnn.py": reference, "notes.py": "x = 1\n"}))
    statuses = {exercise.id: exercise.status for exercise in answer.exercises}
    assert statuses == {exercise: "graded" if exercise == "my_rnn" else "missing" for exercise in EXERCISES}
    assert (answer.points, answer.max_points) == (10, sum(exercise.max_points for exercise in COURSE.exercises))
    for exercise in answer.exercises:
        if exercise.status == "missing":
            assert exercise.message
            assert {check.status for check in exercise.checks} == {"skipped"}
            assert exercise.points == 0


@pytest.mark.parametrize("exercise", EXERCISES)
def test_starter_earns_nothing_and_breaks_nothing(exercise, grade):
    answer = grade(starter_of(ROOT, exercise), exercise=exercise)
    (graded,) = answer.exercises
    assert answer.points == 0
    assert graded.status in ("graded", "error")
    assert all(check.hint or check.message for check in graded.checks)
