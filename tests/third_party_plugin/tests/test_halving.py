"""What the Acme school adds, graded for real: with `pip install -e .[test]`, run `pytest` in this package's folder."""

from pathlib import Path

import pytest

from grader.plugin import Conditions
from grader.testing import Course, FilesFixture, GradeFixture, verdict


@pytest.fixture
def right(submission: FilesFixture) -> Path:
    """A right submission."""
    return submission({"halving.py": "def halve(x):\n    return x / 2\n"})


def test_a_right_submission_earns_full_marks(grade: GradeFixture, right: Path) -> None:
    found = grade(right, exercise="halving")
    assert (found.points, found.max_points) == (2, 2)


def test_a_mistake_is_caught_with_a_hint(grade: GradeFixture, submission: FilesFixture) -> None:
    found = grade(submission({"halving.py": "def halve(x):\n    return x // 2\n"}), exercise="halving")
    lost = verdict(found, "halves")
    assert (lost.status, lost.points) == ("failed", 0)
    assert lost.hint == "Is it x / 2?"


def test_literate_python_is_graded(grade: GradeFixture, submission: FilesFixture) -> None:
    text = "Half of a tensor:\n\n> def halve(x):\n>     return x / 2\n"
    assert grade(submission({"halving.lpy": text}), exercise="halving").points == 2


def test_the_report_has_the_points(course: Course, grade: GradeFixture, right: Path) -> None:
    page = course.reports["acme"].page(grade(right, exercise="halving"), Conditions("grade submit", {}, {}, []))
    assert page == "2 of 2 points, with the compliments of Acme.\n"
