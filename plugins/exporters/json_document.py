"""All grades in one JSON document: each as in `grade submit --format json`, with the student."""

import io
from typing import Any

import msgspec

from grader.plugin import Exported, Exporting, Row

SCHEMA = 1


def export(exporting: Exporting) -> Exported:
    """`{"schema": 1, "grades": [...]}` with one grade per line, encoded one at a time to save memory."""
    document = io.BytesIO()
    document.write(f'{{"schema": {SCHEMA}, "grades": ['.encode())
    for number, row in enumerate(exporting.rows()):
        document.write(b",\n" if number else b"\n")
        document.write(msgspec.json.encode(_record(row)))  # strict JSON: no NaN
    document.write(b"\n]}\n")
    return Exported(document.getvalue())


def _record(row: Row) -> dict[str, Any]:
    """The grade's own fields are unchanged; points after adjustments are separate fields."""
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
