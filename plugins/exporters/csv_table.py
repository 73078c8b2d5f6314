"""The gradebook as a table for spreadsheets, as in RFC 4180: comma, CRLF, quotes where necessary; UTF-8."""

import csv
import io
from collections.abc import Iterator

from grader.plugin import Exported, Exporting, Row, format_points

COLUMNS = ("submission", "status", "points", "max_points", "percent", "seed", "flags")


def export(exporting: Exporting) -> Exported:
    """A header, then one row per submission that counts. Points include adjustments."""
    document = io.BytesIO()
    text = io.TextIOWrapper(document, encoding="utf-8", errors="replace", newline="", write_through=True)
    writer = csv.writer(text)  # its default line end is RFC 4180's
    writer.writerow([*COLUMNS, *map(inert, exporting.exercises)])
    for row in exporting.rows():
        writer.writerow(_cells(row, exporting))
    text.detach()
    return Exported(document.getvalue())


def inert(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _cells(row: Row, exporting: Exporting) -> Iterator[str]:
    grade = row.grade
    yield inert(row.student)
    yield inert(grade.status)
    yield format_points(row.points)
    yield format_points(grade.max_points)
    yield format_points(row.percent)
    yield str(grade.seed)
    yield inert(" ".join(grade.flags))
    points = {exercise.id: exercise.points for exercise in grade.exercises if exercise.status != "broken"}
    for id in exporting.exercises:
        yield format_points(points[id]) if id in points else ""
