"""Verifies mistakes: the check that each one names must fail and explain it, and so must what a student reads first."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from grader.authoring.exercise import Exercise
from grader.records.grade import ExerciseGrade
from grader.records.summary import first_in
from grader.verify.claims import BadClaim, Claim, claim_of, contains, mistakes_to, parts_of, solutions_to
from grader.verify.gradings import Grading, Gradings


def graded_mistake(gradings: Gradings, folder: Path, exercise: Exercise, claim: Claim) -> tuple[Grading, list[str]]:
    """A mistake's grading, and the reasons its claim fails, if any.

    It is graded up to the check it names. It is graded up to the last check if its points matter (it has a kind, or is
    part of a pair), or if its claim does not hold otherwise, because a later check may explain it.
    """
    is_whole = gradings.is_whole or claim.kind is not None or folder.name in _paired(gradings, exercise)
    grading = gradings.of(folder, exercise, upto=None if is_whole else claim.check)
    problems = list(problems_of(grading.grade, claim, exercise))
    if problems and grading.upto is not None:
        grading = gradings.of(folder, exercise)
        problems = list(problems_of(grading.grade, claim, exercise))
    return grading, problems


def graded_pair(gradings: Gradings, folder: Path, exercise: Exercise) -> tuple[Grading, str, list[str]]:
    """A pair's grading, the points of its parts as text, and what is wrong with it."""
    known = {path.name: path for path in mistakes_to(gradings.session.course, exercise)}
    parts = parts_of(folder)
    grading = gradings.of(folder, exercise)
    points = [f"{name} {gradings.of(known[name], exercise).grade.points:g}" for name in parts if name in known]
    problems = [] if len(set(parts)) == len(parts) == 2 else ["a pair must be named after two mistakes: first+second"]
    problems += [f"it is named after '{name}', but there is no such mistake" for name in parts if name not in known]
    if grading.grade.status == "broken":
        problems.append("the grader failed with an internal error on it")
    elif grading.grade.points == grading.grade.max_points:
        problems.append("it contains both mistakes but loses no points")
    return grading, ", ".join(points), problems


def problems_of(grade: ExerciseGrade, claim: Claim, exercise: Exercise) -> Iterator[str]:
    """The reasons a mistake's claim fails."""
    if grade.status == "broken":
        yield "the grader failed with an internal error on it"
    elif any(rule.id == claim.check for rule in exercise.rules):
        if grade.status != "disallowed":
            yield f"the rule {claim.check} did not catch it"
            return
        yield from _missing_hint(claim, grade.message or "")
    else:
        verdict = next(check for check in grade.checks if check.id == claim.check)
        if verdict.status in ("passed", "skipped"):
            yield f"{claim.check} must fail, but its status is {verdict.status}"
            return
        yield from _missing_hint(claim, f"{verdict.message}\n{verdict.hint or ''}")
    yield from _missing_first(claim, grade)


def is_caught(gradings: Gradings, exercise: Exercise, name: str) -> bool:
    """Whether some mistake fails a check or a rule.

    Those that name it are tried first; for a check, then all others, graded up to the last check.
    """
    claims = _claims(gradings, exercise)
    for folder, claim in claims.items():
        if claim.check == name and name in caught_by(graded_mistake(gradings, folder, exercise, claim)[0], claim):
            return True
    is_rule = any(rule.id == name for rule in exercise.rules)
    return not is_rule and any(name in gradings.of(folder, exercise).failed for folder in claims)


def caught_by(grading: Grading, claim: Claim) -> set[str]:
    """The checks that a mistake fails, or the rule that it names, if it is disallowed."""
    return grading.failed | ({claim.check} if grading.grade.status == "disallowed" else set())


def _claims(gradings: Gradings, exercise: Exercise) -> dict[Path, Claim]:
    """All claims that can be parsed, by folder."""
    found = {}
    for folder in mistakes_to(gradings.session.course, exercise):
        with contextlib.suppress(BadClaim):  # reported when that one is graded
            found[folder] = claim_of(folder, exercise)
    return found


def _paired(gradings: Gradings, exercise: Exercise) -> set[str]:
    """The names of the mistakes that are part of a pair."""
    return {name for folder in solutions_to(gradings.session.course, exercise) for name in parts_of(folder)}


def _missing_hint(claim: Claim, text: str) -> Iterator[str]:
    if claim.hint is not None and not contains(text, claim.hint):
        yield f"{claim.check} does not mention '{claim.hint}': {text.strip()}"


def _missing_first(claim: Claim, grade: ExerciseGrade) -> Iterator[str]:
    fix = first_in(grade)
    text = "" if fix is None else f"{fix.reason}\n{fix.hint or ''}".strip()
    for words in claim.missing_first(text):
        yield f"the first thing a student reads does not mention {words}: {text}"
