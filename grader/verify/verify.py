"""Verifies a course: references earn full marks, each mistake fails the check that its author names, starters earn
nothing, and every check is failed by some mistake.

Anything else that is missing, such as measured error rates, is a warning: see `advice.py`.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from grader.authoring.exercise import About, Exercise
from grader.course.calibration import Device, is_reference
from grader.course.loading import Course, effective_limits
from grader.course.settings import starter_of
from grader.records.grade import ExerciseGrade
from grader.verify import advice
from grader.verify.claims import BadClaim, checks_and_rules, claim_of, parts_of, require_python, solutions_to
from grader.verify.gradings import Grading, Gradings
from grader.verify.mistakes import caught_by, graded_mistake, graded_pair, is_caught


@dataclass(frozen=True)
class Finding:
    """The result for one solution or check; `problem` and `warning` are None if all is well."""

    subject: str
    exercise: str
    seen: str
    problem: str | None
    warning: str | None = None
    """What is missing although the grades are right."""


@dataclass(frozen=True)
class Verified:
    """The result for a solution: the finding, and the checks and rules that it fails."""

    finding: Finding
    is_reference: bool
    caught: frozenset[str] = frozenset()


def verify(gradings: Gradings, *, only: Collection[str] = ()) -> Iterator[Finding]:
    """Grade all solutions of each exercise, or only those named in `only`, and yield findings as they are made.

    Raises `CourseError` if solutions are in the wrong place.
    """
    session = gradings.session
    for exercise in session.exercises:
        caught: set[str] = set()
        references = 0
        for folder in solutions_to(session.course, exercise):
            if only and folder.name not in only:
                continue
            verified = verify_solution(gradings, folder, exercise)
            references += verified.is_reference
            caught |= verified.caught
            yield verified.finding
        if only:
            continue  # coverage can only be judged with all solutions
        if not references:
            yield Finding("reference", exercise.id, "none", "the exercise has no reference solution")
        yield verify_starter(gradings, exercise)
        yield from points_by_mark(exercise)
        for name in checks_and_rules(exercise):
            fails = name in caught or is_caught(gradings, exercise, name)
            yield from verify_check(session.course, exercise, name, fails, session.jail.device)


def verify_solution(gradings: Gradings, folder: Path, exercise: Exercise) -> Verified:
    """Grade one solution folder; its name says whether it is a reference, a pair or a mistake."""
    try:
        require_python(folder, exercise)
        if is_reference(folder.name):
            return _verify_reference(gradings, folder, exercise)
        if parts_of(folder):
            grading, parts, problems = graded_pair(gradings, folder, exercise)
            return Verified(_finding(grading, f"{grading.points}; {parts}", problems), False)
        return _verify_mistake(gradings, folder, exercise)
    except BadClaim as problem:
        return Verified(Finding(folder.name, exercise.id, "not graded", str(problem)), is_reference(folder.name))


def verify_starter(gradings: Gradings, exercise: Exercise) -> Finding:
    """Check that the exercise has a starter, and that it earns nothing and breaks nothing."""
    file = starter_of(gradings.session.course.settings.folder, exercise.id)
    if not file.is_file():
        return Finding("starter", exercise.id, "none", f"exercises/{exercise.id}/starter.py is missing")
    grading = gradings.of(file, exercise, name="starter")
    fine = grading.grade.points == 0 and grading.grade.status in ("graded", "error")
    return _finding(grading, grading.points, [] if fine else ["a starter must earn 0 points and break nothing"])


def points_by_mark(exercise: Exercise) -> Iterator[Finding]:
    """The percentage of points of the checks marked "idea" and "form"; nothing if no check is marked."""
    held = {about: sum(check.points for check in exercise.checks if check.about == about) for about in get_args(About)}
    if any(held.values()):
        words = ", ".join(f"{about} {points / exercise.max_points:.0%}" for about, points in held.items())
        yield Finding("points by their mark", exercise.id, words, None)


def verify_check(course: Course, exercise: Exercise, name: str, caught: bool, device: Device) -> Iterator[Finding]:
    """Problems of a check or rule: no mistake fails it, wrong score thresholds, missing error rates.

    Nothing if all is well.
    """
    if not caught:
        yield Finding(name, exercise.id, "never fails", "no mistake in solutions/ fails this check")
    for check in exercise.checks:
        if check.id != name or (task := advice.task_of(check)) is None:
            continue
        for problem in advice.threshold_problems(task):
            yield Finding(name, exercise.id, "thresholds", problem)
        for warning in advice.calibration_warnings(course, exercise, check, device):
            yield Finding(name, exercise.id, "calibration", None, warning)


def _verify_reference(gradings: Gradings, folder: Path, exercise: Exercise) -> Verified:
    grading = gradings.of(folder, exercise)
    limits = effective_limits(gradings.session.course.settings, exercise)
    warnings = [
        *advice.time_warnings(limits, grading.spent, grading.learned),
        *advice.untrained_warnings(grading.learned),
    ]
    if folder.name == "reference":
        warnings += advice.probe_warnings(exercise, grading.learned)
    return Verified(_finding(grading, grading.points, _problems_of_reference(grading.grade), warnings), True)


def _verify_mistake(gradings: Gradings, folder: Path, exercise: Exercise) -> Verified:
    """Raises `BadClaim`."""
    claim = claim_of(folder, exercise)
    grading, problems = graded_mistake(gradings, folder, exercise, claim)
    seen = grading.points
    if claim.kind is not None:
        seen += f": {claim.kind}, keeps {grading.grade.points / grading.grade.max_points:.0%}"
    warnings = () if problems else advice.hint_warnings(grading.grade, claim)
    return Verified(_finding(grading, seen, problems, warnings), False, frozenset(caught_by(grading, claim)))


def _finding(grading: Grading, seen: str, problems: Iterable[str], warnings: Iterable[str] = ()) -> Finding:
    """Only the first problem is reported: the others may follow from it."""
    return Finding(grading.name, grading.grade.id, seen, next(iter(problems), None), "; ".join(warnings) or None)


def _problems_of_reference(grade: ExerciseGrade) -> Iterator[str]:
    for check in grade.checks:
        if check.status != "passed":
            yield f"{check.id} is {check.status}: {check.message}"
