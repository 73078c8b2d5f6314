"""Text that all reports share: the one thing to fix first, and how points are written."""

from typing import NamedTuple

from grader.records.grade import ExerciseGrade, Grade, Verdict

_CUT_SHORT = ("crashed", "timeout", "memory", "error")
"""Exercise statuses whose first `error` check, if any, is the one that was running."""


class Fix(NamedTuple):
    """The one thing to fix first; `check` is None where the problem is the exercise as a whole."""

    exercise: ExerciseGrade
    check: Verdict | None
    reason: str
    hint: str | None


def first_to_fix(grade: Grade) -> Fix | None:
    """What to fix in the first exercise without full points. A broken one is skipped: a student cannot fix it."""
    return next((fix for exercise in grade.exercises if (fix := first_in(exercise)) is not None), None)


def first_in(exercise: ExerciseGrade) -> Fix | None:
    """What to fix in an exercise; None where it has full points or is broken."""
    if exercise.status == "broken":
        return None
    check = _decisive_check(exercise)
    if check is None and exercise.status == "graded":
        return None
    reason = exercise.message or (check.message if check else "")
    return Fix(exercise, check, reason, check.hint if check else None)


def format_points(points: float) -> str:
    """At most two decimals, without trailing zeros: 10, 17.5, 0.33."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def _decisive_check(exercise: ExerciseGrade) -> Verdict | None:
    if exercise.status == "graded":
        return next((check for check in exercise.checks if check.status != "passed"), None)
    if exercise.status in _CUT_SHORT:
        return next((check for check in exercise.checks if check.status == "error"), None)
    return None
