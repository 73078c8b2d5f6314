"""The records of a grading and their JSON form.

The field names and their order are the public answer of `grade submit --format json`
(schema 1). Nothing here computes a grade: `grading.py` fills these in.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from grader.records.figures import Figure
from grader.records.limits import Level

CheckStatus = Literal["passed", "partial", "failed", "error", "skipped"]
ExerciseStatus = Literal["broken", "disallowed", "memory", "timeout", "crashed", "error", "missing", "graded"]
SubmissionStatus = Literal["graded", "invalid"]


class Verdict(msgspec.Struct, frozen=True):
    """The result of one check. `message` says what was observed, `hint` what to try."""

    id: str
    title: str
    status: CheckStatus
    points: float
    max_points: float
    message: str
    hint: str | None = None


class ExerciseGrade(msgspec.Struct, frozen=True):
    """The verdicts of one attempt and their sum."""

    id: str
    title: str
    status: ExerciseStatus
    message: str | None
    points: float
    max_points: float
    seconds: float
    flags: list[str]
    notes: list[str]
    checks: list[Verdict]


class Grade(msgspec.Struct, frozen=True):
    """One submission's answer. `broken` exercises are outside `points` and `max_points`."""

    schema: int
    submission: str
    status: SubmissionStatus
    message: str | None
    points: float
    max_points: float
    percent: float
    device: str
    isolation: Level
    seed: int
    seconds: float
    flags: list[str]
    exercises: list[ExerciseGrade]

    @property
    def broken(self) -> bool:
        """Whether the grader itself failed on some exercise."""
        return any(exercise.status == "broken" for exercise in self.exercises)


class Conditions(msgspec.Struct, frozen=True):
    """How a grade was computed, apart from what the grade itself says: shown on the report."""

    command: str
    versions: dict[str, str]
    probes: dict[str, str]
    notes: list[str]
    error_rates: list[str] = []
    """The error rate of each learning check, where it was measured."""


class Adjustment(msgspec.Struct, frozen=True):
    """Points given or taken outside the checks, with the reason that the student reads."""

    reason: str
    points: float


class Record(msgspec.Struct, frozen=True):
    """The complete result of a grading, from which a report is made."""

    grade: Grade
    conditions: Conditions
    evidence: dict[str, list[Figure]]
    """Figures by exercise id."""


class HandIn(msgspec.Struct, frozen=True):
    """Who submitted something, and when."""

    student: str
    name: str
    when: str | None
    """ISO 8601."""
    late: bool
    """Whether the download marked it as late."""


class Row(msgspec.Struct, frozen=True):
    """One row of a gradebook: who submitted what, when, and the attempt that counts."""

    student: str
    """The identity: the LMS's own id, or the name of the submission."""
    name: str
    email: str
    when: str | None
    """When it was submitted, ISO 8601."""
    late: bool
    content: str
    """The hash of the submission."""
    grade: Grade
    adjustments: list[Adjustment]
    points: float
    """The points that count: the grade's, with the adjustments, never below 0."""
    percent: float
    attempt: int
    """The number of the attempt in the gradebook."""


def to_json(grade: Grade) -> str:
    """Strict JSON: msgspec writes no NaN, and every float in a grade is finite."""
    return msgspec.json.format(msgspec.json.encode(grade), indent=2).decode() + "\n"


def batch_to_json(rows: Iterable[Row]) -> str:
    """The grades that count, each in the form that `to_json` gives it."""
    grades = [row.grade for row in rows]
    return msgspec.json.format(msgspec.json.encode({"schema": 1, "grades": grades}), indent=2).decode() + "\n"
