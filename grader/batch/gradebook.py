"""The gradebook: who handed in what, every attempt ever made with its full record, and which one counts.

SQLAlchemy Core, for SQLite and PostgreSQL alike. The run's seed lives here and nowhere else. Whatever belongs together
is written in one transaction, so that a batch can be stopped at any moment.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from grader.batch import tables
from grader.records.errors import GraderFault, UsageError
from grader.records.grade import Adjustment, Grade, HandIn, Record, Row

_FETCHED = 200
_LOCK = 0x67726164  # "grad"
_BUSY_SECONDS = 30

Policy = Literal["latest", "best"]
"""Which of a student's submissions counts: the one handed in last, or the one with the most points."""
Adjust = Callable[[Grade, HandIn], Sequence[Adjustment]]


class GradebookError(GraderFault):
    """A gradebook that cannot be used: which, why, what to do, in one line."""


class NoGradebook(GradebookError):
    """A gradebook that cannot be opened."""

    exit_code = UsageError.exit_code


class Attempt(msgspec.Struct, frozen=True):
    """One line of a student's history."""

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
    """An open gradebook. Use as a context manager. Each method raises `GradebookError` where the database fails."""

    def __init__(self, engine: sql.Engine):
        self._engine = engine

    def __enter__(self) -> "Gradebook":
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def _connected(self, *, writes: bool = False) -> Iterator[sql.Connection]:
        """A connection with a transaction of its own; one that writes waits for its turn before it reads anything."""
        try:
            with self._engine.execution_options(writes=writes).begin() as connection:
                yield connection
        except sql.exc.DBAPIError as error:
            raise GradebookError(
                f"{without_password(self._engine.url)} cannot be read or written: {_reason(error)}"
            ) from None

    # The run.

    def seed(self, given: int | None, draw: Callable[[], int]) -> int:
        """The run's seed: the one given, which is kept, else the one kept, else one drawn and kept."""
        drawn = {"key": "seed", "value": str(draw() if given is None else given)}
        with self._connected(writes=True) as connection:
            if given is not None:
                _put(connection, "seed", str(given))
            # of two batches that begin at once, the second takes what the first has drawn
            connection.execute(_insert(connection, tables.meta).values(drawn).on_conflict_do_nothing())
            return int(_value(connection, "seed") or 0)

    def policy(self, given: Policy | None) -> Policy:
        """Which submission of a student's counts: as given, which is kept, else as kept, else the latest."""
        with self._connected(writes=True) as connection:
            chosen = given or _value(connection, "policy") or "latest"
            _put(connection, "policy", chosen)
        return "best" if chosen == "best" else "latest"

    # What was handed in, and what it came to.

    def hand_in(self, hand_in: HandIn, email: str, content: str) -> None:
        """Note who handed in what; said again it changes the mark, and a name and a time that are known now."""
        with self._connected(writes=True) as connection:
            student = {"key": hand_in.student, "name": hand_in.name, "email": email}
            known = {key: value for key, value in student.items() if value and key != "key"}
            _upsert(connection, tables.students, student, ["key"], known or {"key": hand_in.student})
            what = {"late": hand_in.late, **({"handed_in": hand_in.when} if hand_in.when else {})}
            row = {"student": hand_in.student, "content": content, "seen": _now(), **what}
            _upsert(connection, tables.submissions, row, ["student", "content"], what)

    def graded(self, content: str, course: str, exercises: Sequence[str], seed: int) -> int | None:
        """The number of the attempt that need not be made again; one that met a fault of ours has to be."""
        query = (
            sql.select(sql.func.max(tables.attempts.c.id))
            .where(
                tables.attempts.c.content == content, tables.attempts.c.course == course, tables.attempts.c.seed == seed
            )
            .where(tables.attempts.c.exercises == _list(exercises), sql.not_(tables.attempts.c.broken))
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
        """Keep an attempt and let it count for those it counts for, in one transaction."""
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
            "grade": _json(grade),
            "record": _json(record),
        }
        with self._connected(writes=True) as connection:
            connection.execute(tables.attempts.insert().values(row))
            files = {"content": content, "files": msgspec.msgpack.encode(dict(sources))}
            _upsert(connection, tables.sources, files, ["content"], {"files": files["files"]})
            query = sql.select(tables.submissions.c.student).where(tables.submissions.c.content == content)
            for student in connection.execute(query).scalars().all():
                _settle(connection, student, adjust)

    def settle(self, adjust: Adjust, students: Sequence[str] | None = None) -> None:
        """Decide anew which attempt counts for these students, or for all, and what is added and taken."""
        with self._connected(writes=True) as connection:
            chosen = (
                students
                if students is not None
                else connection.execute(sql.select(tables.students.c.key)).scalars().all()
            )
            for student in chosen:
                _settle(connection, student, adjust)

    # What there is to read.

    def rows(self) -> Iterator[Row]:
        """The attempt that counts for each student who has one, by the student's key; read as it is asked for."""
        with (
            self._connected() as connection,
            # closed as soon as nobody asks for more: the cursor is the server's
            connection.execution_options(yield_per=_FETCHED).execute(_rows()) as found,
        ):
            for row in found:
                yield _row(row)

    def count(self) -> int:
        """How many rows there are."""
        with self._connected() as connection:
            return connection.execute(sql.select(sql.func.count()).select_from(tables.standings)).scalar_one()

    def row(self, student: str) -> Row | None:
        """One student's."""
        with self._connected() as connection:
            found = connection.execute(_rows().where(tables.students.c.key == student)).first()
        return None if found is None else _row(found)

    def record(self, attempt: int) -> Record:
        """All that an attempt came to."""
        with self._connected() as connection:
            text = connection.execute(
                sql.select(tables.attempts.c.record).where(tables.attempts.c.id == attempt)
            ).scalar_one()
        return msgspec.json.decode(text, type=Record)

    def sources(self, content: str) -> dict[str, bytes]:
        """The code that was handed in, by path."""
        with self._connected() as connection:
            data = connection.execute(
                sql.select(tables.sources.c.files).where(tables.sources.c.content == content)
            ).scalar()
        return {} if data is None else msgspec.msgpack.decode(data, type=dict[str, bytes])

    def exercises(self) -> list[str]:
        """The ids of the exercises of all attempts that count, in order."""
        query = (
            sql.select(tables.attempts.c.exercises)
            .join(tables.standings, tables.standings.c.attempt == tables.attempts.c.id)
            .distinct()
        )
        with self._connected() as connection:
            lists = connection.execute(query).scalars().all()
        return sorted({name for text in lists for name in msgspec.json.decode(text, type=list[str])})

    def history(self, student: str) -> list[Attempt]:
        """Every attempt made for a student, oldest first."""
        query = (
            sql.select(tables.attempts, tables.submissions.c.handed_in, tables.standings.c.attempt.label("counting"))
            .join(tables.submissions, tables.submissions.c.content == tables.attempts.c.content)
            .outerjoin(tables.standings, tables.standings.c.student == tables.submissions.c.student)
            .where(tables.submissions.c.student == student)
            .order_by(tables.attempts.c.id)
        )
        with self._connected() as connection:
            return [
                Attempt(
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

    Raises `NoGradebook` where there is none and none may be made, or where another version made it.
    """
    try:
        made = sql.make_url(url)
        if made.get_backend_name() == "sqlite" and made.database not in (None, "", ":memory:"):
            _sqlite_file(str(made.database), create)
        engine = sql.create_engine(made)
        if made.get_backend_name() == "sqlite":
            sql.event.listen(engine, "connect", _set_up_sqlite)
            sql.event.listen(engine, "begin", _begin_sqlite)
        with engine.execution_options(writes=create).begin() as connection:
            if create and made.get_backend_name() == "postgresql":  # two may want to make the tables at once
                connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
            if not sql.inspect(connection).has_table("meta"):
                if not create:
                    raise NoGradebook(f"{without_password(url)} is no gradebook yet; `grade batch` makes one")
                tables.metadata.create_all(connection)
                _put(connection, "schema_version", str(tables.SCHEMA))
            found = _value(connection, "schema_version")
    except ModuleNotFoundError as error:
        raise NoGradebook(
            f"{without_password(url)} needs the package {error.name}: pip install 'rnn-grader[postgres]'"
        ) from None
    except sql.exc.ArgumentError:
        raise NoGradebook(f"{url!r} is no database URL, such as sqlite:///grades.db") from None
    except sql.exc.SQLAlchemyError as error:
        raise NoGradebook(f"{without_password(url)} cannot be opened: {_reason(error)}") from None
    if found != str(tables.SCHEMA):
        engine.dispose()
        raise NoGradebook(
            f"{without_password(url)} was made by another version (schema {found}, this one reads {tables.SCHEMA}): "
            f"export it with that version (`grade export json`), and grade into a new gradebook with this one"
        )
    return Gradebook(engine)


def _sqlite_file(name: str, create: bool) -> None:
    file = Path(name)
    if not create and not file.exists():
        raise NoGradebook(f"{name}: no such gradebook; `grade batch` makes one, --gradebook URL names another")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoGradebook(f"{file.parent} cannot be made: {error.strerror}") from None
    if not os.access(file.parent, os.W_OK):
        raise NoGradebook(f"{name}: SQLite has to write beside it, and its folder is read-only: copy it elsewhere")


def _set_up_sqlite(connection: Any, _: object) -> None:
    """A write survives the process at once, and readers do not wait for it."""
    connection.isolation_level = None  # else its driver would begin transactions as it thinks fit
    for pragma in (f"busy_timeout={_BUSY_SECONDS * 1000}", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:  # where two change the mode of a new file at once, one is refused without being made to wait
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            break


def _begin_sqlite(connection: sql.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _reason(error: sql.exc.SQLAlchemyError) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())


def without_password(url: str | sql.URL) -> str:
    """A URL without its password."""
    return sql.make_url(url).render_as_string(hide_password=True)


def _settle(connection: sql.Connection, student: str, adjust: Adjust) -> None:
    """Let the newest attempt at each submission of a student stand, and of these one count."""
    newest = (
        sql.select(sql.func.max(tables.attempts.c.id))
        .where(tables.attempts.c.content == tables.submissions.c.content)
        .group_by(tables.attempts.c.broken)
        .order_by(tables.attempts.c.broken)
        .limit(1)
        .correlate(tables.submissions)
        .scalar_subquery()
    )
    query = (
        sql.select(
            tables.submissions, tables.students.c.name, tables.attempts.c.id.label("attempt"), tables.attempts.c.grade
        )
        .join(tables.students, tables.students.c.key == tables.submissions.c.student)
        .join(tables.attempts, tables.attempts.c.id == newest)
        .where(tables.submissions.c.student == student)
    )
    standing = []
    for row in connection.execute(query):
        grade = msgspec.json.decode(row.grade, type=Grade)
        adjustments = list(adjust(grade, HandIn(student, row.name, row.handed_in, row.late)))
        points = round(max(grade.points + sum(adjustment.points for adjustment in adjustments), 0.0), 2)
        percent = round(100 * points / grade.max_points, 2) if grade.max_points else 0.0
        when = (_instant(row.handed_in), row.seen, row.id)
        values = {"submission": row.id, "attempt": row.attempt, "points": points, "percent": percent}
        standing.append((when, {**values, "adjustments": _json(adjustments)}))
    if not standing:
        return
    best = _value(connection, "policy") == "best"
    _, chosen = max(standing, key=lambda one: (one[1]["percent"] if best else 0.0, one[0]))
    _upsert(connection, tables.standings, {"student": student, **chosen}, ["student"], chosen)


def _rows() -> "sql.Select[Any]":
    return (
        sql.select(tables.students, tables.submissions, tables.standings, tables.attempts.c.grade)
        .join(tables.standings, tables.standings.c.student == tables.students.c.key)
        .join(tables.submissions, tables.submissions.c.id == tables.standings.c.submission)
        .join(tables.attempts, tables.attempts.c.id == tables.standings.c.attempt)
        .order_by(tables.students.c.key)
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
        grade=msgspec.structs.replace(grade, submission=row.key),  # graded once for all that handed in the same
        adjustments=msgspec.json.decode(row.adjustments, type=list[Adjustment]),
        points=row.points,
        percent=row.percent,
        attempt=row.attempt,
    )


def _upsert(
    connection: sql.Connection, table: sql.Table, row: Mapping[str, Any], keys: list[str], changed: Mapping[str, Any]
) -> None:
    insert = _insert(connection, table).values(**row)
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=dict(changed)))


def _insert(connection: sql.Connection, table: sql.Table) -> Any:
    """An insert that may meet what is there already: the two databases have it in the same words."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _value(connection: sql.Connection, key: str) -> str | None:
    return connection.execute(sql.select(tables.meta.c.value).where(tables.meta.c.key == key)).scalar()


def _put(connection: sql.Connection, key: str, value: str) -> None:
    _upsert(connection, tables.meta, {"key": key, "value": value}, ["key"], {"value": value})


def _instant(when: str | None) -> float:
    """Seconds to compare times by, whatever their zones; a time without one is taken as UTC."""
    try:
        moment = datetime.fromisoformat(when) if when else None
    except ValueError:
        moment = None
    if moment is None:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _list(values: Sequence[str]) -> str:
    return _json(sorted(values))
