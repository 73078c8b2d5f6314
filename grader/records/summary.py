"""What every report says of a grade in the same words: the one thing to fix first, and points as people write them."""

from typing import NamedTuple

from grader.records.grade import ExerciseGrade, Grade, Verdict

_CUT_SHORT = ("crashed", "timeout", "memory", "error")
"""Exercise statuses whose first `error` check, if any, is the one that was under way."""


class Fix(NamedTuple):
    """The one thing to start with; `check` is None where the exercise as a whole is the matter."""

    exercise: ExerciseGrade
    check: Verdict | None
    reason: str
    hint: str | None


def first_to_fix(grade: Grade) -> Fix | None:
    """What stopped the first exercise that is not perfect; broken ones are not the student's to fix."""
    return next((fix for exercise in grade.exercises if (fix := first_in(exercise)) is not None), None)


def first_in(exercise: ExerciseGrade) -> Fix | None:
    """What stopped an exercise; None where it is perfect, or broken."""
    if exercise.status == "broken":
        return None
    check = _telling_check(exercise)
    if check is None and exercise.status == "graded":
        return None
    reason = exercise.message or (check.message if check else "")
    return Fix(exercise, check, reason, check.hint if check else None)


def format_points(points: float) -> str:
    """At most two decimals and no idle zeros: 10, 17.5, 0.33."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def _telling_check(exercise: ExerciseGrade) -> Verdict | None:
    if exercise.status == "graded":
        return next((check for check in exercise.checks if check.status != "passed"), None)
    if exercise.status in _CUT_SHORT:
        return next((check for check in exercise.checks if check.status == "error"), None)
    return None
