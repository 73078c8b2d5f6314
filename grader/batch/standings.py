"""Decides which attempt counts for a student, with its point adjustments."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from grader.batch import schema
from grader.batch.alchemy import sql
from grader.batch.database import json_text, meta_value, upsert
from grader.records.grade import Adjustment, Grade, HandIn

Adjust = Callable[[Grade, HandIn], Sequence[Adjustment]]
"""Returns the adjustments to a grade's points, each with its reason."""


def recompute_standing(connection: sql.Connection, student: str, adjust: Adjust) -> None:
    """Consider the newest attempt at each of a student's submissions, and let one of them count."""
    standing = []
    for row in connection.execute(_standing_attempts(student)):
        grade = msgspec.json.decode(row.grade, type=Grade)
        adjustments = list(adjust(grade, HandIn(student, row.name, row.handed_in, row.late)))
        points = round(max(grade.points + sum(adjustment.points for adjustment in adjustments), 0.0), 2)
        percent = round(100 * points / grade.max_points, 2) if grade.max_points else 0.0
        when = (_instant(row.handed_in), row.seen, row.id)
        values = {"submission": row.id, "attempt": row.attempt, "points": points, "percent": percent}
        standing.append((when, {**values, "adjustments": json_text(adjustments)}))
    if not standing:
        return
    best = meta_value(connection, "policy") == "best"
    _, chosen = max(standing, key=lambda one: (one[1]["percent"] if best else 0.0, one[0]))
    upsert(connection, schema.standings, {"student": student, **chosen}, ["student"], chosen)


def _standing_attempts(student: str) -> "sql.Select[Any]":
    """The newest attempt at each of a student's submissions; one with an internal error only if there is no other."""
    newest = (
        sql.select(sql.func.max(schema.attempts.c.id))
        .where(schema.attempts.c.content == schema.submissions.c.content)
        .group_by(schema.attempts.c.broken)
        .order_by(schema.attempts.c.broken)
        .limit(1)
        .correlate(schema.submissions)
        .scalar_subquery()
    )
    return (
        sql.select(
            schema.submissions, schema.students.c.name, schema.attempts.c.id.label("attempt"), schema.attempts.c.grade
        )
        .join(schema.students, schema.students.c.key == schema.submissions.c.student)
        .join(schema.attempts, schema.attempts.c.id == newest)
        .where(schema.submissions.c.student == student)
    )


def _instant(when: str | None) -> float:
    """Seconds since the epoch, to compare times across zones; a time without a zone is taken as UTC."""
    try:
        moment = datetime.fromisoformat(when) if when else None
    except ValueError:
        moment = None
    if moment is None:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
