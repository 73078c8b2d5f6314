"""A course proves itself: references earn everything, each mistake loses points where its author says, starters earn
nothing, and no check is without a mistake that fails it.

What is missing though all this holds, such as measured error rates, is a warning: `advice.py`.
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
from grader.verify.claims import BadClaim, checks_and_rules, claim_of, look_at, parts_of, solutions_to
from grader.verify.gradings import Grading, Gradings
from grader.verify.mistakes import caught_by, graded_mistake, graded_pair, is_caught


@dataclass(frozen=True)
class Finding:
    """One solution or check, and what is wrong with it; `problem` and `warning` are None where all is well."""

    subject: str
    exercise: str
    seen: str
    problem: str | None
    warning: str | None = None
    """What is missing, though the grades come out right."""


@dataclass(frozen=True)
class Verified:
    """What grading a solution came to: the finding, and which checks and rules it fails."""

    finding: Finding
    is_reference: bool
    caught: frozenset[str] = frozenset()


def verify(gradings: Gradings, *, only: Collection[str] = ()) -> Iterator[Finding]:
    """Grade all that is known about each exercise, or `only` the solutions so named; findings come as they are made.

    Raises `CourseError` for a course whose solutions lie elsewhere.
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
            continue  # nothing can be said of the whole
        if not references:
            yield Finding("reference", exercise.id, "none", "the exercise has no reference solution")
        yield verify_starter(gradings, exercise)
        yield from marks(exercise)
        for name in checks_and_rules(exercise):
            fails = name in caught or is_caught(gradings, exercise, name)
            yield from verify_check(session.course, exercise, name, fails, session.jail.device)


def verify_solution(gradings: Gradings, folder: Path, exercise: Exercise) -> Verified:
    """Grade one folder of solutions: a reference or a pair by its name, else a mistake."""
    try:
        look_at(folder, exercise)
        if is_reference(folder.name):
            return _verify_reference(gradings, folder, exercise)
        if parts_of(folder):
            grading, parts, problems = graded_pair(gradings, folder, exercise)
            return Verified(_finding(grading, f"{grading.points}; {parts}", problems), False)
        return _verify_mistake(gradings, folder, exercise)
    except BadClaim as problem:
        return Verified(Finding(folder.name, exercise.id, "not graded", str(problem)), is_reference(folder.name))


def verify_starter(gradings: Gradings, exercise: Exercise) -> Finding:
    """Whether the exercise has a starter that earns nothing and breaks nothing."""
    file = starter_of(gradings.session.course.settings.folder, exercise.id)
    if not file.is_file():
        return Finding("starter", exercise.id, "none", f"exercises/{exercise.id}/starter.py is missing")
    grading = gradings.of(file, exercise, name="starter")
    fine = grading.grade.points == 0 and grading.grade.status in ("graded", "error")
    return _finding(grading, grading.points, [] if fine else ["a starter earns 0 and breaks nothing"])


def marks(exercise: Exercise) -> Iterator[Finding]:
    """What part of the points the checks marked with `about` hold; nothing where none is marked."""
    held = {about: sum(check.points for check in exercise.checks if check.about == about) for about in get_args(About)}
    if any(held.values()):
        words = ", ".join(f"{about} {points / exercise.max_points:.0%}" for about, points in held.items())
        yield Finding("points by their mark", exercise.id, words, None)


def verify_check(course: Course, exercise: Exercise, name: str, caught: bool, device: Device) -> Iterator[Finding]:
    """What is wrong with a check or a rule, or missing: a mistake that fails it, anchors, measured error rates.

    Nothing where all is well.
    """
    if not caught:
        yield Finding(name, exercise.id, "never fails", "no mistake in solutions/ fails this check")
    for check in exercise.checks:
        if check.id != name or (task := advice.task_of(check)) is None:
            continue
        for problem in advice.on_anchors(task):
            yield Finding(name, exercise.id, "anchors", problem)
        for warning in advice.on_calibration(course, exercise, check, device):
            yield Finding(name, exercise.id, "calibration", None, warning)


def _verify_reference(gradings: Gradings, folder: Path, exercise: Exercise) -> Verified:
    grading = gradings.of(folder, exercise)
    limits = effective_limits(gradings.session.course.settings, exercise)
    warnings = [*advice.on_time(limits, grading.spent, grading.learned), *advice.on_untrained(grading.learned)]
    if folder.name == "reference":
        warnings += advice.on_probes(exercise, grading.learned)
    return Verified(_finding(grading, grading.points, _problems_of_reference(grading.grade), warnings), True)


def _verify_mistake(gradings: Gradings, folder: Path, exercise: Exercise) -> Verified:
    """Raises `BadClaim`."""
    claim = claim_of(folder, exercise)
    grading, problems = graded_mistake(gradings, folder, exercise, claim)
    seen = grading.points
    if claim.kind is not None:
        seen += f": {claim.kind}, keeps {grading.grade.points / grading.grade.max_points:.0%}"
    silence = () if problems else advice.on_hint(grading.grade, claim)
    return Verified(_finding(grading, seen, problems, silence), False, frozenset(caught_by(grading, claim)))


def _finding(grading: Grading, seen: str, problems: Iterable[str], warnings: Iterable[str] = ()) -> Finding:
    """Of the problems, the first is said: the others may follow from it."""
    return Finding(grading.name, grading.grade.id, seen, next(iter(problems), None), "; ".join(warnings) or None)


def _problems_of_reference(grade: ExerciseGrade) -> Iterator[str]:
    for check in grade.checks:
        if check.status != "passed":
            yield f"{check.id} is {check.status}: {check.message}"
