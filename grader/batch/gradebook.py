"""The gradebook: who submitted what, every attempt with its full record, and which one counts.

SQLAlchemy Core, for both SQLite and PostgreSQL. The run's seed is stored here and nowhere else. Related rows are
written in one transaction, so that a batch can be stopped at any moment.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from grader.batch import schema
from grader.batch.alchemy import sql
from grader.batch.database import (
    GradebookError,
    insert_into,
    json_text,
    meta_value,
    open_database,
    put_meta,
    reason_of,
    upsert,
    without_password,
)
from grader.batch.standings import Adjust, recompute_standing
from grader.records.grade import Adjustment, Grade, HandIn, Record, Row

_FETCHED = 200

Policy = Literal["latest", "best"]
"""Which of a student's submissions counts: the latest, or the one with the most points."""


class HistoryLine(msgspec.Struct, frozen=True):
    """An attempt, as listed in a student's history."""

    number: int
    when: str | None
    content: str
    graded: str
    status: str
    points: float
    max_points: float
    seed: int
    course: str
    counts: bool


class Gradebook:
    """An open gradebook. Use as a context manager. Each method raises `GradebookError` if the database fails."""

    def __init__(self, engine: sql.Engine):
        self._engine = engine

    def __enter__(self) -> "Gradebook":
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def _connected(self, *, writes: bool = False) -> Iterator[sql.Connection]:
        """A connection in its own transaction. A writing one takes the lock before it reads anything."""
        try:
            with self._engine.execution_options(writes=writes).begin() as connection:
                yield connection
        except sql.exc.DBAPIError as error:
            raise GradebookError(
                f"{without_password(self._engine.url)} cannot be read or written: {reason_of(error)}"
            ) from None

    # The run.

    def seed(self, given: int | None, draw: Callable[[], int]) -> int:
        """The run's seed: the one given, else the stored one, else a new one. Stores it."""
        drawn = {"key": "seed", "value": str(draw() if given is None else given)}
        with self._connected(writes=True) as connection:
            if given is not None:
                put_meta(connection, "seed", str(given))
            # if two batches start at once, the second takes the seed drawn by the first
            connection.execute(insert_into(connection, schema.meta).values(drawn).on_conflict_do_nothing())
            return int(meta_value(connection, "seed") or 0)

    def policy(self, given: Policy | None) -> Policy:
        """Which of a student's submissions counts: as given, else as stored, else the latest. Stores it."""
        with self._connected(writes=True) as connection:
            chosen = given or meta_value(connection, "policy") or "latest"
            put_meta(connection, "policy", chosen)
        return "best" if chosen == "best" else "latest"

    # Submissions and their attempts.

    def hand_in(self, hand_in: HandIn, email: str, content: str) -> None:
        """Record a submission. Repeated, it updates the late mark, and the name and time if now known."""
        with self._connected(writes=True) as connection:
            student = {"key": hand_in.student, "name": hand_in.name, "email": email}
            known = {key: value for key, value in student.items() if value and key != "key"}
            upsert(connection, schema.students, student, ["key"], known or {"key": hand_in.student})
            what = {"late": hand_in.late, **({"handed_in": hand_in.when} if hand_in.when else {})}
            row = {"student": hand_in.student, "content": content, "seen": _now(), **what}
            upsert(connection, schema.submissions, row, ["student", "content"], what)

    def graded(self, content: str, course: str, exercises: Sequence[str], seed: int) -> int | None:
        """The number of an attempt that still holds, if any; one with an internal error has to be repeated."""
        query = (
            sql.select(sql.func.max(schema.attempts.c.id))
            .where(
                schema.attempts.c.content == content, schema.attempts.c.course == course, schema.attempts.c.seed == seed
            )
            .where(schema.attempts.c.exercises == _list(exercises), sql.not_(schema.attempts.c.broken))
        )
        with self._connected() as connection:
            return connection.execute(query).scalar()

    def write(
        self,
        content: str,
        course: str,
        exercises: Sequence[str],
        record: Record,
        sources: Mapping[str, bytes],
        adjust: Adjust,
    ) -> None:
        """Store an attempt and update the standings of its students, in one transaction."""
        grade = record.grade
        row = {
            "content": content,
            "course": course,
            "exercises": _list(exercises),
            "seed": grade.seed,
            "graded": _now(),
            "broken": grade.broken,
            "status": grade.status,
            "points": grade.points,
            "max_points": grade.max_points,
            "flags": _list(grade.flags),
            "grade": json_text(grade),
            "record": json_text(record),
        }
        with self._connected(writes=True) as connection:
            connection.execute(schema.attempts.insert().values(row))
            files = {"content": content, "files": msgspec.msgpack.encode(dict(sources))}
            upsert(connection, schema.sources, files, ["content"], {"files": files["files"]})
            query = sql.select(schema.submissions.c.student).where(schema.submissions.c.content == content)
            for student in connection.execute(query).scalars().all():
                recompute_standing(connection, student, adjust)

    def recompute_standings(self, adjust: Adjust, students: Sequence[str] | None = None) -> None:
        """Recompute which attempt counts for these students (None: all), and their adjustments."""
        with self._connected(writes=True) as connection:
            chosen = (
                students
                if students is not None
                else connection.execute(sql.select(schema.students.c.key)).scalars().all()
            )
            for student in chosen:
                recompute_standing(connection, student, adjust)

    # Queries.

    def rows(self) -> Iterator[Row]:
        """The attempt that counts for each student who has one, ordered by student key; fetched lazily."""
        with (
            self._connected() as connection,
            # closed as soon as iteration ends: it is a server-side cursor
            connection.execution_options(yield_per=_FETCHED).execute(_rows()) as found,
        ):
            for row in found:
                yield _row(row)

    def count(self) -> int:
        """The number of rows."""
        with self._connected() as connection:
            return connection.execute(sql.select(sql.func.count()).select_from(schema.standings)).scalar_one()

    def row(self, student: str) -> Row | None:
        """One student's row, or None."""
        with self._connected() as connection:
            found = connection.execute(_rows().where(schema.students.c.key == student)).first()
        return None if found is None else _row(found)

    def record(self, attempt: int) -> Record:
        """The complete record of an attempt."""
        with self._connected() as connection:
            text = connection.execute(
                sql.select(schema.attempts.c.record).where(schema.attempts.c.id == attempt)
            ).scalar_one()
        return msgspec.json.decode(text, type=Record)

    def sources(self, content: str) -> dict[str, bytes]:
        """The submitted code, by path."""
        with self._connected() as connection:
            data = connection.execute(
                sql.select(schema.sources.c.files).where(schema.sources.c.content == content)
            ).scalar()
        return {} if data is None else msgspec.msgpack.decode(data, type=dict[str, bytes])

    def exercises(self) -> list[str]:
        """The ids of the exercises of all attempts that count, sorted."""
        query = (
            sql.select(schema.attempts.c.exercises)
            .join(schema.standings, schema.standings.c.attempt == schema.attempts.c.id)
            .distinct()
        )
        with self._connected() as connection:
            lists = connection.execute(query).scalars().all()
        return sorted({name for text in lists for name in msgspec.json.decode(text, type=list[str])})

    def history(self, student: str) -> list[HistoryLine]:
        """All attempts of a student, oldest first."""
        query = (
            sql.select(schema.attempts, schema.submissions.c.handed_in, schema.standings.c.attempt.label("counting"))
            .join(schema.submissions, schema.submissions.c.content == schema.attempts.c.content)
            .outerjoin(schema.standings, schema.standings.c.student == schema.submissions.c.student)
            .where(schema.submissions.c.student == student)
            .order_by(schema.attempts.c.id)
        )
        with self._connected() as connection:
            return [
                HistoryLine(
                    row.id,
                    row.handed_in,
                    row.content,
                    row.graded,
                    row.status,
                    row.points,
                    row.max_points,
                    row.seed,
                    row.course,
                    row.counting == row.id,
                )
                for row in connection.execute(query)
            ]


def open_gradebook(url: str, *, create: bool = False) -> Gradebook:
    """Open a gradebook by its SQLAlchemy URL.

    Raises `NoGradebook` if there is none and `create` is false, or if another version made it.
    """
    return Gradebook(open_database(url, create=create))


def _rows() -> "sql.Select[Any]":
    return (
        sql.select(schema.students, schema.submissions, schema.standings, schema.attempts.c.grade)
        .join(schema.standings, schema.standings.c.student == schema.students.c.key)
        .join(schema.submissions, schema.submissions.c.id == schema.standings.c.submission)
        .join(schema.attempts, schema.attempts.c.id == schema.standings.c.attempt)
        .order_by(schema.students.c.key)
    )


def _row(row: Any) -> Row:
    grade = msgspec.json.decode(row.grade, type=Grade)
    return Row(
        student=row.key,
        name=row.name,
        email=row.email,
        when=row.handed_in,
        late=row.late,
        content=row.content,
        grade=msgspec.structs.replace(grade, submission=row.key),  # identical submissions are graded once
        adjustments=msgspec.json.decode(row.adjustments, type=list[Adjustment]),
        points=row.points,
        percent=row.percent,
        attempt=row.attempt,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _list(values: Sequence[str]) -> str:
    return json_text(sorted(values))
