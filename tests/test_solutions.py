"""The bundled course proves itself: its solutions, its starters, and correct submissions in other styles."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STYLES = sorted(path for path in (ROOT / "tests" / "styles").iterdir() if path.is_dir())
ADDING_STYLES = sorted(path for path in (ROOT / "tests" / "styles_adding").iterdir() if path.is_dir())
STARTERS = sorted((ROOT / "exercises" / "starters").glob("*.py"))

pytestmark = pytest.mark.jail


@pytest.mark.slow
def test_verify_passes(cli):
    """Each reference earns everything, each mistake is caught where it says, with its hint."""
    result = cli("verify", timeout=900)
    assert result.returncode == 0, result.stdout
    assert "The course proves itself" in result.stdout


def test_there_are_enough_of_them():
    mistakes = [path for path in (ROOT / "solutions").iterdir() if path.is_dir() and "reference" not in path.name]
    assert len(mistakes) >= 16
    assert len(STYLES) >= 11


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_correct_styles_get_full_marks_over_five_seeds(style, grade):
    for seed in range(1, 6):
        answer = grade(style, seed=seed)
        lost = [f"{check.id}: {check.message}" for check in answer.exercises[0].checks if check.status != "passed"]
        assert answer.percent == 100, (seed, lost, answer.exercises[0].message)


@pytest.mark.slow
@pytest.mark.parametrize("style", ADDING_STYLES, ids=lambda path: path.name)
def test_correct_styles_of_the_adding_problem_get_full_marks(style, grade):
    answer = grade(style, exercise="adding_problem", seed=2)
    assert answer.percent == 100, answer.exercises[0]


@pytest.mark.slow
def test_the_reference_gets_full_marks_over_ten_seeds(grade):
    for seed in range(1, 11):
        for exercise in ("my_rnn", "adding_problem"):
            answer = grade(ROOT / "solutions" / "reference", exercise=exercise, seed=seed)
            assert answer.percent == 100, (seed, answer.exercises[0])


@pytest.mark.parametrize("starter", STARTERS, ids=lambda path: path.stem)
def test_starter_earns_nothing_and_breaks_nothing(starter, grade):
    answer = grade(starter, exercise=starter.stem)
    (exercise,) = answer.exercises
    assert answer.points == 0
    assert exercise.status in ("graded", "error")
    assert all(check.hint or check.message for check in exercise.checks)
