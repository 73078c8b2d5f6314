"""Writes grades into one column of a sheet: scaled to its maximum, with its decimal separator, and with notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from grader.plugin import Exporting, format_points

from .sheets import Sheet, number


class Score(NamedTuple):
    """The points of a student's submission."""

    points: float
    most: float
    is_broken: bool


@dataclass(frozen=True)
class Column:
    """The column to fill, and its number format."""

    index: int
    maxima: Mapping[int, float]
    """The sheet's maximum by row; without one, points are not scaled."""
    mark: str
    """The decimal separator."""
    kept: Sequence[str] = ()
    """Texts in upper case that a cell keeps, such as Canvas's mark for excused students."""


def read_scores(exporting: Exporting) -> dict[str, Score]:
    """Every student's score."""
    return {row.student: Score(row.points, row.grade.max_points, row.grade.broken) for row in exporting.rows()}


def fill(
    sheet: Sheet, column: Column, students: Mapping[int, str], scores: Mapping[str, Score]
) -> tuple[bytes, list[str]]:
    """Fill the rows in `students`; all others keep their bytes. Returns the sheet and the notes."""
    cells: dict[tuple[int, int], str] = {}
    scaled: set[tuple[float, float]] = set()
    left: dict[str, list[str]] = {"kept": [], "short": [], "unjudged": [], "broken": [], "replaced": [], "above": []}
    for row, student in students.items():
        score, maximum = scores[student], column.maxima.get(row)
        before = sheet.text(row, column.index)
        if before.upper() in column.kept:
            left["kept"].append(student)
        elif column.index >= len(sheet.spans[row]):
            left["short"].append(student)
        elif score.most <= 0:
            left["unjudged"].append(student)
        else:
            points = score.points
            if maximum is not None and maximum != score.most:
                scaled.add((score.most, maximum))
                points = points * maximum / score.most
            text = format_points(points).replace(".", column.mark)
            value, there = number(text), number(before)
            if there is None or value is None or round(there, 2) != value:
                cells[row, column.index] = text
                left["replaced"] += [student] * (there is not None)
            left["broken"] += [student] * score.is_broken
            left["above"] += [student] * (maximum is not None and round(points, 2) > maximum)
    return sheet.filled(cells), [*_scaling(scaled), *_notes(left)]


def matching_notes(missing: Sequence[str], without: Sequence[str]) -> list[str]:
    """Notes about students who are only in the gradebook or only in the sheet."""
    notes = []
    if missing:
        notes.append(f"not in the sheet, not written: {listed(missing)}")
    if without:
        notes.append(f"in the sheet, but without a grade, unchanged: {listed(without)}")
    return notes


def listed(names: Sequence[str], most: int = 20) -> str:
    """The first names as a list for a note, safe to print on a terminal."""
    shown = ["".join(letter if letter.isprintable() else "?" for letter in name[:80]) for name in names[:most]]
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join(shown + more)


def _scaling(scaled: set[tuple[float, float]]) -> list[str]:
    return [
        f"scaled from {format_points(graded)} points to the sheet's {format_points(maximum)}"
        for graded, maximum in sorted(scaled)
    ]


def _notes(left: Mapping[str, Sequence[str]]) -> list[str]:
    texts = {
        "kept": "excused in the sheet, unchanged",
        "short": "their row in the sheet is too short, not written",
        "unjudged": "nothing could be judged, not written: grade them again",
        "broken": "internal error in one of their exercises, whose points do not count: grade them again",
        "replaced": "a different grade was replaced",
        "above": "more than the sheet's maximum, which the LMS may refuse",
    }
    return [f"{text}: {listed(left[kind])}" for kind, text in texts.items() if left[kind]]
