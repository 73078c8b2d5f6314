"""The submissions with known grades that a course has, what each of them promises, and the seeds of CI.

    solutions/reference*/<id>.py             references: each earns everything, in every exercise that it solves
    tests/exercises/<id>/styles/<name>/      styles, right programs in unusual hands: each earns everything
    tests/exercises/<id>/variants/<name>/    variants of the mistake of that name in another hand: the check that
                                             catches it is not passed, and what is read first names the mistake

`make sweep` grades them with many seeds. Where one breaks its promise, the seed is written to
`tests/exercises/fell_short.json`, and CI grades that submission with that seed, too, from then on.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from grader.records.files import write_whole
from grader.records.grade import ExerciseGrade
from grader.records.summary import first_in

# Nothing at the top imports torch: a sweep that is stopped, or has nothing to grade, does without.
if TYPE_CHECKING:
    from grader.authoring.exercise import Exercise
    from grader.verify.claims import Claim

KINDS = ("references", "styles", "variants")
SEED = 2
"""The one with which CI grades each of them. References are graded once more by `grade verify`, with a random seed."""
_WORDS = 200
"""Characters that are kept of what was found."""


@dataclass(frozen=True)
class Submission:
    """A submission to one exercise; `path` is its folder, relative to the course's."""

    course: Path
    kind: str
    exercise: str
    path: str

    @property
    def folder(self) -> Path:
        return self.course / self.path

    @property
    def mistake(self) -> Path | None:
        """The folder of the solution whose promise a variant keeps; None for what is right."""
        return self.course / "solutions" / self.exercise / self.folder.name if self.kind == "variants" else None

    @property
    def name(self) -> str:
        return f"{self.exercise}/{self.folder.name}"


class Fall(msgspec.Struct, frozen=True, kw_only=True):
    """A submission that broke its promise with a seed, once and anywhere. Grades of equal seeds may differ between
    machines and versions of torch: elsewhere it may keep it."""

    exercise: str
    path: str
    seed: int
    found: str
    """What was found instead, in one line."""
    open: str | None = None
    """Why it may still happen; None where it may not: it was mended, and CI fails where it happens again."""

    @property
    def key(self) -> tuple[str, str, int]:
        return self.exercise, self.path, self.seed


def submissions_in(course: Path) -> list[Submission]:
    """All of them, by kind and name."""
    exercises = sorted(file.parent.name for file in course.glob("exercises/*/__init__.py"))
    found = []
    for exercise in exercises:
        references = [file.parent for file in sorted(course.glob(f"solutions/reference*/{exercise}.py"))]
        folders = {"references": references}
        for kind in ("styles", "variants"):
            folders[kind] = sorted(course.glob(f"tests/exercises/{exercise}/{kind}/*/"))
        for kind, paths in folders.items():
            found += [Submission(course, kind, exercise, path.relative_to(course).as_posix()) for path in paths]
    return sorted(found, key=lambda submission: KINDS.index(submission.kind))


def broken_promises(submission: Submission, exercise: "Exercise", grade: ExerciseGrade) -> list[str]:
    """What a grading shows that a submission does not promise, a line for each; nothing where all is as it should be.

    Raises `BadClaim` for a variant of a mistake that claims nothing.
    """
    if submission.mistake is None:
        return list(lost(grade))
    from grader.verify.claims import claim_of

    return list(unlike(grade, claim_of(submission.mistake, exercise)))


def lost(grade: ExerciseGrade) -> Iterator[str]:
    """What a right submission lost, and hints that it does not need."""
    if grade.status != "graded":
        yield f"{grade.status}: {grade.message}"
    for check in grade.checks:
        if check.status != "passed":
            yield f"{check.id} is {check.status}: {check.message}"
        elif check.points != check.max_points or check.hint is not None:
            yield f"{check.id} passed with {check.points:g} of {check.max_points:g} points and the hint {check.hint}"


def unlike(grade: ExerciseGrade, claim: "Claim") -> Iterator[str]:
    """What sets a variant apart from the solution that makes this claim. The words behind `Hint:` need not be there:
    they may be of that solution's own code; and the check that catches it may be skipped, where another fails first."""
    statuses = {check.id: check.status for check in grade.checks}
    if grade.status == "broken":
        yield "the grader itself failed on it"
    elif claim.check not in statuses and grade.status != "disallowed":
        yield f"the rule {claim.check} did not catch it"
    elif statuses.get(claim.check) == "passed":
        yield f"{claim.check} is passed"
    first = first_in(grade)
    text = "" if first is None else f"{first.reason} {first.hint or ''}".strip()
    for words in claim.missing_first(text):
        yield f"what is read first does not mention {words}: {text or 'nothing is read'}"


def fell_short(course: Path) -> list[Fall]:
    """What ever fell short in a sweep, as it is committed. Raises OSError and `msgspec.MsgspecError`."""
    file = _file_of(course)
    return msgspec.json.decode(file.read_bytes(), type=list[Fall]) if file.is_file() else []


def note_fall(course: Path, fall: Fall) -> None:
    """Add one to those that are committed; one that is there stays as it is."""
    falls = {known.key: known for known in [fall, *fell_short(course)]}
    lines = [json.dumps(msgspec.to_builtins(falls[key]), ensure_ascii=False) for key in sorted(falls)]
    write_whole(_file_of(course), ("[\n" + ",\n".join(lines) + "\n]\n").encode())


def fall_of(submission: Submission, seed: int, problems: list[str]) -> Fall:
    """What is committed of a submission that broke its promise."""
    found = " ".join(problems[0].split())
    found = found if len(found) <= _WORDS else f"{found[: _WORDS - 1]}…"
    return Fall(exercise=submission.exercise, path=submission.path, seed=seed, found=found)


def in_ci(course: Path, kind: str) -> Iterator[tuple[Submission, int, str | None]]:
    """What CI grades of one kind: each submission with one seed, and with every other with which it ever fell short;
    with the reason where it may fall short again."""
    falls = fell_short(course)
    for submission in submissions_in(course):
        if submission.kind != kind:
            continue
        seeds: dict[int, str | None] = {SEED: None}
        seeds |= {f.seed: f.open for f in falls if (f.exercise, f.path) == (submission.exercise, submission.path)}
        for seed, reason in seeds.items():
            yield submission, seed, reason


def _file_of(course: Path) -> Path:
    return course / "tests" / "exercises" / "fell_short.json"
