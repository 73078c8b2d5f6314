"""What students are told of an exercise."""

import pytest

from grader import Exercise
from grader.course.handout import MARKS, handout
from grader.records.limits import Limits

EXERCISE = '''
from grader import Exercise, hookimpl

exercise = Exercise("answer", title="Answer", statement="Answer.", names=("answer",))

@exercise.check(points=0.5, about="form")
def whole(student):
    """It is a whole number."""

@exercise.check(points=2, about="idea")
def right(student):
    """It is right."""

@exercise.check(points=1)
def constant(student):
    """It stays what it is."""

@hookimpl
def grader_exercises():
    return [exercise]
'''


def exercise_with(about):
    """An exercise with one check."""
    made = Exercise("answer", title="Answer", statement="", names=("answer",))

    @made.check(points=2, about=about)
    def right(student):
        """It is right."""

    return made


def test_the_rubric_says_what_is_about_the_idea_and_what_about_form():
    for about in ("idea", "form"):
        text = handout(exercise_with(about), Limits())
        assert f"| 2 | It is right. ({about}) |" in text
        assert MARKS in text
    plain = handout(exercise_with(None), Limits())
    assert "| 2 | It is right. |" in plain
    assert MARKS not in plain


def test_so_does_grade_show(submission, invoke):
    folder = submission({"exercises/answer/__init__.py": EXERCISE}, name="course")
    lines = [" ".join(line.split()) for line in invoke("show", "answer", "--course", folder).stdout.splitlines()]
    rubric = ["0.5 It is a whole number. (form)", "2 It is right. (idea)", "1 It stays what it is."]
    assert [line for line in lines if line in rubric] == rubric
    assert MARKS in lines


def test_a_mark_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"answer\.right: about is 'ideas', expected 'idea', 'form' or None"):
        exercise_with("ideas")
