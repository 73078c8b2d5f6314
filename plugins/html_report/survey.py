"""Statistics of a class, read row by row in one pass, so that ten thousand submissions are fine."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.plugin import first_to_fix

if TYPE_CHECKING:
    from grader import Exercise
    from grader.plugin import ClassView, Row

BINS = 10
NEAR = 2.0
"""Percent: how close to a boundary a grade is reviewed by a person."""
_KEPT_TEXT = 160


@dataclass(frozen=True)
class Line:
    """A row of the table about everybody."""

    student: str
    name: str
    link: str
    status: str
    points: float
    max_points: float
    percent: float
    late: bool
    adjusted: float
    flags: list[str]
    seconds: float
    broken: bool
    fix: str
    by_exercise: dict[str, tuple[str, float, float]]
    """Status, points and most points, by the exercise's id."""


@dataclass
class CheckSurvey:
    """How a check went in the class."""

    id: str
    promise: str
    points: float
    statuses: "Counter[str]" = field(default_factory=Counter)
    hints: "Counter[str]" = field(default_factory=Counter)

    @property
    def judged(self) -> int:
        """How often it was judged at all."""
        return sum(count for status, count in self.statuses.items() if status != "skipped")

    @property
    def not_passed(self) -> int:
        """How often it did not pass."""
        return self.judged - self.statuses["passed"]

    @property
    def hint(self) -> str:
        """The commonest hint, or the commonest reason where no hint was given."""
        return self.hints.most_common(1)[0][0] if self.hints else ""


@dataclass
class ExerciseSurvey:
    """How an exercise went."""

    id: str
    title: str
    max_points: float
    checks: dict[str, CheckSurvey]
    statuses: "Counter[str]" = field(default_factory=Counter)
    earned: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return sum(self.earned) / len(self.earned) if self.earned else 0.0


@dataclass(frozen=True)
class Alike:
    """Submissions that fail in the same way."""

    failures: list[str]
    lines: list[Line]


@dataclass
class Survey:
    """The statistics of the whole class."""

    lines: list[Line] = field(default_factory=list)
    exercises: list[ExerciseSurvey] = field(default_factory=list)
    bins: list[int] = field(default_factory=lambda: [0] * BINS)
    isolation: "Counter[str]" = field(default_factory=Counter)
    devices: "Counter[str]" = field(default_factory=Counter)
    seconds: float = 0.0
    alike: list[Alike] = field(default_factory=list)
    to_review: dict[str, list[Line]] = field(default_factory=dict)
    """Those a person should review, by the reason."""

    @property
    def percents(self) -> list[float]:
        """Of those that count, in order."""
        return sorted(line.percent for line in self.lines if not line.broken)


def survey(view: "ClassView", boundaries: Sequence[float]) -> Survey:
    """Read the class once."""
    found = Survey(exercises=[_blank(exercise) for exercise in view.exercises])
    by_id = {exercise.id: exercise for exercise in found.exercises}
    groups: dict[tuple[tuple[str, str, str], ...], list[Line]] = defaultdict(list)
    for row in view.rows():
        line = _line(row, view.link(row))
        found.lines.append(line)
        found.isolation[row.grade.isolation] += 1
        found.devices[row.grade.device] += 1
        found.seconds += row.grade.seconds
        if not line.broken:
            found.bins[min(int(line.percent * BINS / 100), BINS - 1)] += 1
        for exercise in row.grade.exercises:
            if exercise.id in by_id:
                _count(by_id[exercise.id], exercise)
        groups[_failures(row)].append(line)
    shared = [(failures, lines) for failures, lines in groups.items() if failures and len(lines) > 1]
    shared.sort(key=lambda group: -len(group[1]))
    found.alike = [Alike([f"{exercise}: {text}" for exercise, _, text in failed], lines) for failed, lines in shared]
    found.to_review = {reason: lines for reason, lines in _to_review(found.lines, boundaries) if lines}
    return found


def _blank(exercise: "Exercise") -> ExerciseSurvey:
    checks = {check.id: CheckSurvey(check.id, check.promise, check.points) for check in exercise.checks}
    return ExerciseSurvey(exercise.id, exercise.title, exercise.max_points, checks)


def _line(row: "Row", link: str) -> Line:
    grade = row.grade
    fix = first_to_fix(grade)
    text = grade.message or "" if grade.status == "invalid" else (fix.hint or fix.reason) if fix else ""
    return Line(
        student=row.student,
        name=row.name or row.student,
        link=link,
        status=grade.status,
        points=row.points,
        max_points=grade.max_points,
        percent=row.percent,
        late=row.late,
        adjusted=sum(adjustment.points for adjustment in row.adjustments),
        flags=grade.flags,
        seconds=grade.seconds,
        broken=grade.broken,
        fix=_shortened(text),
        by_exercise={e.id: (e.status, e.points, e.max_points) for e in grade.exercises},
    )


def _count(found: ExerciseSurvey, exercise: "object") -> None:
    found.statuses[exercise.status] += 1  # type: ignore[attr-defined]
    if exercise.status == "broken":  # type: ignore[attr-defined]
        return
    found.earned.append(exercise.points)  # type: ignore[attr-defined]
    for verdict in exercise.checks:  # type: ignore[attr-defined]
        check = found.checks.get(verdict.id)
        if check is None:  # the course has changed since
            continue
        check.statuses[verdict.status] += 1
        if verdict.status not in ("passed", "skipped"):
            check.hints[_without_numbers(verdict.hint or verdict.message)] += 1


def _failures(row: "Row") -> tuple[tuple[str, str, str], ...]:
    """The checks that a submission failed, as (exercise, check, message without its numbers)."""
    return tuple(
        (exercise.id, check.id, _without_numbers(check.hint or check.message))
        for exercise in row.grade.exercises
        if exercise.status not in ("broken", "missing")
        for check in exercise.checks
        if check.status in ("failed", "partial", "error")
    )


def _to_review(lines: list[Line], boundaries: Sequence[float]) -> Iterable[tuple[str, list[Line]]]:
    yield "internal error", [line for line in lines if line.broken]
    yield "could not be read", [line for line in lines if line.status == "invalid"]
    yield "flagged", [line for line in lines if line.flags]
    for boundary in boundaries:
        near = [line for line in lines if not line.broken and abs(line.percent - boundary) <= NEAR]
        yield f"near {boundary:g} %", near


def _without_numbers(text: str) -> str:
    """A text without its numbers: the same for two submissions that fail in the same way."""
    return re.sub(r"(?<![\w+-])[-+]?\d[\d.]*(?:e[-+]?\d+)?", "…", _shortened(text))  # not in h_(t-1)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _KEPT_TEXT else line[: _KEPT_TEXT - 1] + "…"
