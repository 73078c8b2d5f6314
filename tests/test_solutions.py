"""The bundled course proves itself: its solutions, its starters, and correct submissions in other styles."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STYLES = sorted(path for path in (ROOT / "tests" / "styles").iterdir() if path.is_dir())

pytestmark = pytest.mark.jail


@pytest.mark.slow
def test_verify_passes(cli):
    """Each reference earns everything, each mistake is caught where it says, with its hint."""
    result = cli("verify", timeout=300)
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


def test_starter_earns_nothing_and_breaks_nothing(grade):
    answer = grade(ROOT / "exercises" / "starters" / "my_rnn.py")
    (exercise,) = answer.exercises
    assert answer.points == 0
    assert exercise.status in ("graded", "error")
    assert all(check.hint or check.message for check in exercise.checks)
