"""A course proves itself: references earn everything, each mistake loses points where its author says, starters earn
nothing, and no check is without a mistake that fails it.

What is missing though all this holds, such as measured error rates, is a warning: `advice.py`.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.authoring.exercise import Exercise
from grader.course.calibration import Device, is_reference
from grader.course.loading import Course, effective_limits
from grader.course.settings import starter_of
from grader.grading.listener import Listener
from grader.grading.session import Session
from grader.learning.learned import Learned
from grader.records.grade import ExerciseGrade
from grader.verify import advice
from grader.verify.claims import Claim, checks_and_rules, read_claim, solutions_to


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


def verify(session: Session, *, seed: int, only: Collection[str] = ()) -> Iterator[Finding]:
    """Grade all that is known about each exercise, or `only` the solutions so named; findings come as they are made."""
    for exercise in session.exercises:
        caught: set[str] = set()
        references = 0
        for folder in solutions_to(session.course, exercise):
            if only and folder.name not in only:
                continue
            verified = verify_solution(folder, exercise, session, seed)
            references += verified.is_reference
            caught |= verified.caught
            yield verified.finding
        if only:
            continue  # nothing can be said of the whole
        if not references:
            yield Finding("reference", exercise.id, "none", "the exercise has no reference solution")
        yield verify_starter(session, exercise, seed)
        for name in checks_and_rules(exercise):
            yield from verify_check(session.course, exercise, name, name in caught, session.jail.device)


def verify_solution(folder: Path, exercise: Exercise, session: Session, seed: int) -> Verified:
    """Grade one folder of solutions: a reference by its name, else a mistake."""
    learned: list[tuple[str, Learned]] = []
    spent: list[float] = []
    listener = Listener(
        learned=lambda _, check, found: learned.append((check, found)), spent=lambda _, seconds: spent.append(seconds)
    )
    grade = _grade(folder, exercise, session, seed, listener)
    if is_reference(folder.name):
        limits = effective_limits(session.course.settings, exercise)
        warnings = [*advice.on_time(limits, sum(spent), learned), *advice.on_untrained(learned)]
        if folder.name == "reference":
            warnings += advice.on_probes(exercise, learned)
        return Verified(_finding(folder.name, grade, _problems_of_reference(grade), warnings), True)
    claim = read_claim(folder / f"{exercise.id}.py")
    caught = {check.id for check in grade.checks if check.status in ("failed", "partial", "error")}
    if claim is not None and grade.status == "disallowed":
        caught.add(claim.check)
    problems = list(_problems_of_mistake(grade, claim, exercise))
    silence = advice.on_hint(grade, claim) if claim is not None and not problems else ()
    return Verified(_finding(folder.name, grade, problems, silence), False, frozenset(caught))


def verify_starter(session: Session, exercise: Exercise, seed: int) -> Finding:
    """Whether the exercise has a starter that earns nothing and breaks nothing."""
    file = starter_of(session.course.settings.folder, exercise.id)
    if not file.is_file():
        return Finding("starter", exercise.id, "none", f"exercises/{exercise.id}/starter.py is missing")
    grade = _grade(file, exercise, session, seed, Listener())
    fine = grade.points == 0 and grade.status in ("graded", "error")
    return _finding("starter", grade, [] if fine else ["a starter earns 0 and breaks nothing"])


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


def _grade(path: Path, exercise: Exercise, session: Session, seed: int, listener: Listener) -> ExerciseGrade:
    with session.staged(path) as submission:
        return session.grade_exercise(submission, exercise, seed=seed, listener=listener)


def _finding(subject: str, grade: ExerciseGrade, problems: Iterable[str], warnings: Iterable[str] = ()) -> Finding:
    """Of the problems, the first is said: the others may follow from it."""
    return Finding(subject, grade.id, _seen(grade), next(iter(problems), None), "; ".join(warnings) or None)


def _seen(grade: ExerciseGrade) -> str:
    return f"{grade.points:g} of {grade.max_points:g}"


def _problems_of_reference(grade: ExerciseGrade) -> Iterator[str]:
    for check in grade.checks:
        if check.status != "passed":
            yield f"{check.id} is {check.status}: {check.message}"


def _problems_of_mistake(grade: ExerciseGrade, claim: Claim | None, exercise: Exercise) -> Iterator[str]:
    """Why a mistake does not prove what it says."""
    if claim is None:
        yield 'its first line must read """exercise.check: the mistake in words."""'
    elif claim.exercise != exercise.id or claim.check not in checks_and_rules(exercise):
        yield f"its first line names '{claim.exercise}.{claim.check}', which is no check or rule of {exercise.id}"
    elif grade.status == "broken":
        yield "the grader itself failed on it"
    elif any(rule.id == claim.check for rule in exercise.rules):
        if grade.status != "disallowed":
            yield f"the rule {claim.check} did not catch it"
        else:
            yield from _missing_hint(claim, grade.message or "")
    else:
        verdict = next(check for check in grade.checks if check.id == claim.check)
        if verdict.status in ("passed", "skipped"):
            yield f"{claim.check} is {verdict.status}"
        else:
            yield from _missing_hint(claim, f"{verdict.message}\n{verdict.hint or ''}")


def _missing_hint(claim: Claim, text: str) -> Iterator[str]:
    if claim.hint is not None and claim.hint.casefold() not in text.casefold():
        yield f"{claim.check} says nothing of '{claim.hint}': {text.strip()}"
