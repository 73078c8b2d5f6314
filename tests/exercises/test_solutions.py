"""The bundled course proves itself: its solutions, its starters, and correct submissions in other styles."""

import re
from pathlib import Path

import pytest

from grader.grading.grading import grade as grade_submission
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits
from grader.records.summary import first_to_fix

ROOT = Path(__file__).parents[2]
STARTERS = sorted((ROOT / "exercises" / "starters").glob("*.py"))
STYLES = {
    "my_rnn": "styles",
    "adding_problem": "styles_adding",
    "copy_first": "styles_copy",
    "name_classification": "styles_names",
    "date_seq2seq": "styles_dates",
}
TRAINED = [exercise for exercise in STYLES if exercise != "my_rnn"]
BY_HAND = ["adding-formula", "copy-formula", "names-ending-table", "names-table-and-network", "dates-table"]
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


def styles_of(exercise):
    return sorted(path for path in (ROOT / "tests" / STYLES[exercise]).iterdir() if path.is_dir())


def lost(answer):
    """What was lost, and why."""
    (exercise,) = answer.exercises
    return [f"{c.id}: {c.message}" for c in exercise.checks if c.status != "passed"] or exercise.message


def perfect(answer):
    """Whether everything was earned, and nothing is said of what to mend."""
    assert answer.percent == 100, lost(answer)
    assert first_to_fix(answer) is None
    hints = [check.hint for exercise in answer.exercises for check in exercise.checks]
    return hints == [None] * len(hints)


@pytest.mark.slow
@pytest.mark.parametrize("exercise", STYLES)
def test_verify_passes(verified, verify, exercise):
    """Each reference earns everything, each mistake is caught where it says, with its hint.

    Grades are a matter of seeds, and here are a hundred trainings: what goes wrong once in a hundred goes wrong in most
    runs of this test. So a solution may be graded once more, with another seed; what goes wrong twice is a fault.
    """
    result = verified[exercise].result
    if result.returncode == 1:
        unlucky = re.findall(r"^PROBLEM +\S+ +(\S+)", result.stdout, re.MULTILINE)
        assert 0 < len(unlucky) <= 2, result.stdout + result.stderr
        assert all((ROOT / "solutions" / name).is_dir() for name in unlucky), result.stdout
        again = verify(exercise, *(word for name in unlucky for word in ("--only", name)))
        assert again.returncode == 0, result.stdout + again.stdout + again.stderr
        assert "All is as the solutions say" in again.stdout
        return
    assert result.returncode == 0, result.stdout + result.stderr
    assert "The course proves itself" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("exercise", STYLES)
def test_pages_of_all_solutions_are_readable(verified, exercise, assert_readable):
    """Those of references, of every mistake and of the starter, in a browser."""
    folders = {file.parent.name for file in (ROOT / "solutions").glob(f"*/{exercise}.py")}
    found = verified[exercise].pages
    assert set(found) == {*folders, exercise}  # the starter is a file of the exercise's name
    for file in found.values():
        assert_readable(file, quickly=True)


def test_the_course_has_no_other_exercises(course):
    assert {exercise.id for exercise in course.exercises} == set(STYLES)


@pytest.mark.parametrize("exercise", STYLES)
def test_there_are_enough_of_them(exercise):
    """References of several makes for what is trained; mistakes; right programs in unusual hands."""
    folders = [file.parent.name for file in (ROOT / "solutions").glob(f"*/{exercise}.py")]
    mistakes = [name for name in folders if not name.startswith("reference")]
    assert "reference" in folders
    assert len(mistakes) >= 8
    assert len(folders) - len(mistakes) >= (3 if exercise in TRAINED else 1)
    assert len(styles_of(exercise)) >= 6


@pytest.mark.parametrize("style", styles_of("my_rnn"), ids=lambda path: path.name)
def test_correct_styles_get_full_marks(style, grade):
    assert perfect(grade(style, seed=1))


@pytest.mark.slow
@pytest.mark.parametrize("style", styles_of("my_rnn"), ids=lambda path: path.name)
def test_correct_styles_get_full_marks_over_four_more_seeds(style, grade):
    for seed in range(2, 6):
        assert perfect(grade(style, seed=seed)), seed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("exercise", "style"),
    [(exercise, style) for exercise in TRAINED for style in styles_of(exercise)],
    ids=lambda value: getattr(value, "name", value),
)
def test_correct_styles_of_trained_models_get_full_marks(exercise, style, grade):
    assert perfect(grade(style, exercise=exercise, seed=2))


@pytest.mark.slow
@pytest.mark.parametrize("exercise", STYLES)
def test_the_reference_gets_full_marks_over_ten_seeds(grade, exercise):
    for seed in range(1, 11):
        assert perfect(grade(ROOT / "solutions" / "reference", exercise=exercise, seed=seed)), seed


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_HAND)
def test_a_rule_written_by_hand_earns_nothing_for_learning(name, course, grade):
    """And nothing that hangs on it."""
    (file,) = (ROOT / "solutions" / name).glob("*.py")
    (exercise,) = course.pick((file.stem,))
    for seed in (1, 2):
        answer = grade(file.parent, exercise=exercise.id, seed=seed).exercises[0]
        points = {check.id: check.points for check in answer.checks}
        assert [points[check.id] for check in exercise.checks if check.task is not None] == [0.0] * sum(
            check.task is not None for check in exercise.checks
        ), answer


# All exercises together.


def all_in_one():
    """The references of all exercises, one below the other in a single file."""
    return "\n\n".join((ROOT / "solutions" / "reference" / f"{exercise}.py").read_text() for exercise in STYLES)


@pytest.mark.slow
def test_a_single_file_and_a_folder_may_hold_all_exercises(submission, grade_all):
    for path in (submission({"homework.py": all_in_one()}) / "homework.py", ROOT / "solutions" / "reference"):
        answer = grade_all(path)
        assert [exercise.status for exercise in answer.exercises] == ["graded"] * len(STYLES)
        assert answer.percent == 100, [lost for e in answer.exercises for lost in e.checks if lost.status != "passed"]


def test_exercises_that_are_left_out_count_and_say_so(submission, grade_all, reference):
    answer = grade_all(submission({"my_rnn.py": reference, "notes.py": "x = 1\n"}))
    statuses = {exercise.id: exercise.status for exercise in answer.exercises}
    assert statuses == {exercise: "graded" if exercise == "my_rnn" else "missing" for exercise in STYLES}
    assert (answer.points, answer.max_points, answer.percent) == (10, 50, 20)
    for exercise in answer.exercises:
        if exercise.status == "missing":
            assert exercise.message
            assert {check.status for check in exercise.checks} == {"skipped"}
            assert exercise.points == 0


@pytest.mark.parametrize("starter", STARTERS, ids=lambda path: path.stem)
def test_starter_earns_nothing_and_breaks_nothing(starter, grade):
    answer = grade(starter, exercise=starter.stem)
    (exercise,) = answer.exercises
    assert answer.points == 0
    assert exercise.status in ("graded", "error")
    assert all(check.hint or check.message for check in exercise.checks)


def test_every_exercise_has_a_starter(course):
    assert {path.stem for path in STARTERS} == {exercise.id for exercise in course.exercises}
