"""A course proves itself: references earn everything, each mistake loses points where its author says, starters earn
nothing, and no check is without a mistake that fails it.

A mistake says what it gets wrong in the docstring that opens its file:

    \"\"\"my_rnn.one_step: the tanh is missing.

    Hint: no nonlinearity
    \"\"\"

The first line names the check (or the rule) that must catch it; the words behind `Hint:` must stand in what the student
reads there.
"""

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.course import Course, effective_limits
from grader.exercise import Exercise
from grader.grading import grade_exercise
from grader.jail.host import Zygote
from grader.records import ExerciseGrade, Limits
from grader.submissions import stage, unstage


@dataclass(frozen=True)
class Claim:
    """What a mistake's first lines promise."""

    exercise: str
    check: str
    mistake: str
    hint: str | None


@dataclass(frozen=True)
class Finding:
    """One solution, and what is wrong with it or with the checks; `problem` is None where all is well."""

    subject: str
    exercise: str
    seen: str
    problem: str | None


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


def verify(
    course: Course,
    exercises: Iterable[Exercise],
    zygote: Zygote,
    *,
    seed: int,
    only: Collection[str] = (),
) -> Iterator[Finding]:
    """Grade all that is known about each exercise, or `only` the solutions so named; findings come as they are made."""
    solutions = solutions_of(course)
    folders = sorted(path for path in solutions.iterdir() if path.is_dir()) if solutions else []
    for exercise in exercises:
        caught: set[str] = set()
        references = 0
        for folder in folders:
            file = folder / f"{exercise.id}.py"
            if not file.is_file() or (only and folder.name not in only):
                continue
            grade = _grade(folder, exercise, course, zygote, seed)
            if folder.name == "reference" or folder.name.startswith("reference-"):
                references += 1
                yield Finding(folder.name, exercise.id, _seen(grade), _reference_problem(grade))
                continue
            claim = read_claim(file)
            caught |= {check.id for check in grade.checks if check.status in ("failed", "partial", "error")}
            caught |= {claim.check} if claim and grade.status == "disallowed" else set()
            yield Finding(folder.name, exercise.id, _seen(grade), _mistake_problem(grade, claim, exercise))
        if only:
            continue  # nothing can be said of the whole
        if not references:
            yield Finding("reference", exercise.id, "none", "the exercise has no reference solution")
        yield from _starter(course, exercise, zygote, seed)
        for name in _checks_and_rules(exercise):
            if name not in caught:
                yield Finding(name, exercise.id, "never fails", "no mistake in solutions/ fails this check")


def _starter(course: Course, exercise: Exercise, zygote: Zygote, seed: int) -> Iterator[Finding]:
    file = course.settings.folder / "exercises" / "starters" / f"{exercise.id}.py"
    if not file.is_file():
        yield Finding("starter", exercise.id, "none", f"{file.name} is missing in exercises/starters")
        return
    grade = _grade(file, exercise, course, zygote, seed)
    fine = grade.points == 0 and grade.status in ("graded", "error")
    yield Finding("starter", exercise.id, _seen(grade), None if fine else "a starter earns 0 and breaks nothing")


def _grade(path: Path, exercise: Exercise, course: Course, zygote: Zygote, seed: int) -> ExerciseGrade:
    submission = stage(path, zygote, Limits())
    try:
        return grade_exercise(submission, exercise, effective_limits(course.settings, exercise), zygote, seed=seed)
    finally:
        unstage(submission, zygote)


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
    if claim.exercise != exercise.id or claim.check not in _checks_and_rules(exercise):
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


def _checks_and_rules(exercise: Exercise) -> list[str]:
    return [*(rule.id for rule in exercise.rules), *(check.id for check in exercise.checks)]


def _hint_problem(claim: Claim, text: str) -> str | None:
    if claim.hint is not None and claim.hint.casefold() not in text.casefold():
        return f"{claim.check} says nothing of '{claim.hint}': {text.strip()}"
    return None
