"""A course proves itself: references earn everything, each mistake loses points where its author says, starters earn
nothing, and no check is without a mistake that fails it.

A mistake says what it gets wrong in the docstring that opens its file:

    \"\"\"my_rnn.one_step: the tanh is missing.

    Hint: no nonlinearity
    \"\"\"

The first line names the check (or the rule) that must catch it; the words behind `Hint:` must stand in what the student
reads there. What is missing though all this holds, such as measured error rates, is a warning: `advice.py`.
"""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.authoring.exercise import Exercise
from grader.course.calibration import Device, is_reference
from grader.course.loading import Course, effective_limits
from grader.grading.listener import Listener
from grader.grading.session import Session
from grader.learning.learned import Learned
from grader.records.grade import ExerciseGrade
from grader.verify import advice


@dataclass(frozen=True)
class Claim:
    """What a mistake's first lines promise."""

    exercise: str
    check: str
    mistake: str
    hint: str | None


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


def solutions_of(course: Course) -> Path | None:
    """The course's folder of submissions with known grades, where it has one."""
    folder = course.settings.folder / "solutions"
    return folder if folder.is_dir() else None


def read_claim(file: Path) -> Claim | None:
    """The claim in a solution's docstring; None for one that makes none."""
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    match = re.match(r"(\w+)\.(\w+): (.+)", doc)
    if match is None:
        return None
    hint = re.search(r"^Hint: (.+)$", doc, re.MULTILINE)
    return Claim(match[1], match[2], match[3], hint[1].strip() if hint else None)


def solutions_to(course: Course, exercise: Exercise) -> list[Path]:
    """The folders with a solution to an exercise, by name."""
    folder = solutions_of(course)
    return sorted(file.parent for file in folder.glob(f"*/{exercise.id}.py")) if folder else []


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
        problem = _reference_problem(grade)
        return Verified(_finding(folder.name, grade, problem, "; ".join(warnings) or None), True)
    claim = read_claim(folder / f"{exercise.id}.py")
    caught = {check.id for check in grade.checks if check.status in ("failed", "partial", "error")}
    if claim is not None and grade.status == "disallowed":
        caught.add(claim.check)
    problem = _mistake_problem(grade, claim, exercise)
    warning = _no_hint(grade, claim) if problem is None and claim is not None else None
    return Verified(_finding(folder.name, grade, problem, warning), False, frozenset(caught))


def verify_starter(session: Session, exercise: Exercise, seed: int) -> Finding:
    """Whether the exercise has a starter that earns nothing and breaks nothing."""
    file = session.course.settings.folder / "exercises" / "starters" / f"{exercise.id}.py"
    if not file.is_file():
        return Finding("starter", exercise.id, "none", f"{file.name} is missing in exercises/starters")
    grade = _grade(file, exercise, session, seed, Listener())
    fine = grade.points == 0 and grade.status in ("graded", "error")
    return _finding("starter", grade, None if fine else "a starter earns 0 and breaks nothing")


def verify_check(course: Course, exercise: Exercise, name: str, caught: bool, device: Device) -> Iterator[Finding]:
    """What is wrong with a check or a rule, or missing: a mistake that fails it, anchors, measured error rates.

    Nothing where all is well.
    """
    if not caught:
        yield Finding(name, exercise.id, "never fails", "no mistake in solutions/ fails this check")
    for check in exercise.checks:
        if check.id != name or (task := advice.task_of(check)) is None:
            continue
        if problem := advice.anchors_problem(task):
            yield Finding(name, exercise.id, "anchors", problem)
        for warning in advice.on_calibration(course, exercise, check, device):
            yield Finding(name, exercise.id, "calibration", None, warning)


def _grade(path: Path, exercise: Exercise, session: Session, seed: int, listener: Listener) -> ExerciseGrade:
    with session.staged(path) as submission:
        return session.grade_exercise(submission, exercise, seed=seed, listener=listener)


def _finding(subject: str, grade: ExerciseGrade, problem: str | None, warning: str | None = None) -> Finding:
    return Finding(subject, grade.id, _seen(grade), problem, warning)


def _seen(grade: ExerciseGrade) -> str:
    return f"{grade.points:g} of {grade.max_points:g}"


def _reference_problem(grade: ExerciseGrade) -> str | None:
    for check in grade.checks:
        if check.status != "passed":
            return f"{check.id} is {check.status}: {check.message}"
    return None


def _mistake_problem(grade: ExerciseGrade, claim: Claim | None, exercise: Exercise) -> str | None:
    """Why a mistake does not prove what it says, or None."""
    if claim is None:
        return 'its first line must read """exercise.check: the mistake in words."""'
    if claim.exercise != exercise.id or claim.check not in checks_and_rules(exercise):
        return f"its first line names '{claim.exercise}.{claim.check}', which is no check or rule of {exercise.id}"
    if grade.status == "broken":
        return "the grader itself failed on it"
    if any(rule.id == claim.check for rule in exercise.rules):
        if grade.status != "disallowed":
            return f"the rule {claim.check} did not catch it"
        return _hint_problem(claim, grade.message or "")
    verdict = next(check for check in grade.checks if check.id == claim.check)
    if verdict.status in ("passed", "skipped"):
        return f"{claim.check} is {verdict.status}"
    return _hint_problem(claim, f"{verdict.message}\n{verdict.hint or ''}")


def checks_and_rules(exercise: Exercise) -> list[str]:
    """The names of all that a mistake can fail."""
    return [*(rule.id for rule in exercise.rules), *(check.id for check in exercise.checks)]


def _no_hint(grade: ExerciseGrade, claim: Claim) -> str | None:
    """Advice where nothing tells the student what the mistake is: neither its author's words nor any hint."""
    if claim.hint is not None or grade.status == "disallowed":
        return None
    if any(check.hint for check in grade.checks if check.id == claim.check):
        return None
    return (
        f"no hint names this mistake: {claim.check} shows none; give the check one, and the mistake's docstring a line "
        f"`Hint: ` with words of it"
    )


def _hint_problem(claim: Claim, text: str) -> str | None:
    if claim.hint is not None and claim.hint.casefold() not in text.casefold():
        return f"{claim.check} says nothing of '{claim.hint}': {text.strip()}"
    return None
