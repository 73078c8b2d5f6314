"""All grades as one JSON document: each as `grade submit --format json` tells it, and who handed it in."""

import io
from typing import Any

import msgspec

from grader.plugin import Exported, Exporting, Row

SCHEMA = 1


def export(exporting: Exporting) -> Exported:
    """`{"schema": 1, "grades": [...]}` with one grade a line, encoded as it is read: no two are held at once."""
    document = io.BytesIO()
    document.write(f'{{"schema": {SCHEMA}, "grades": ['.encode())
    for number, row in enumerate(exporting.rows()):
        document.write(b",\n" if number else b"\n")
        document.write(msgspec.json.encode(_as_told(row)))  # strict: it writes no NaN
    document.write(b"\n]}\n")
    return Exported(document.getvalue())


def _as_told(row: Row) -> dict[str, Any]:
    """The grade's own fields keep their meaning; what counts after adjustments stands beside them."""
    grade = {field: getattr(row.grade, field) for field in row.grade.__struct_fields__}
    return {
        **grade,
        "student": row.student,
        "name": row.name,
        "email": row.email,
        "when": row.when,
        "late": row.late,
        "adjustments": row.adjustments,
        "counted_points": row.points,
        "counted_percent": row.percent,
    }
