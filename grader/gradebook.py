"""The gradebook: who handed in what, every attempt ever made with its full record, and which one counts.

SQLAlchemy Core, for SQLite and PostgreSQL alike. The run's seed lives here and nowhere else. Whatever belongs together
is written in one transaction, so that a batch can be stopped at any moment.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from grader.records import Adjustment, Grade, HandIn, Record, Row

SCHEMA = 1
_FETCHED = 200
_LOCK = 0x67726164  # "grad"
_tables = sql.MetaData()
_meta = sql.Table(
    "meta",
    _tables,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("value", sql.Text, nullable=False),
)
_students = sql.Table(
    "students",
    _tables,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("email", sql.Text, nullable=False),
)
_submissions = sql.Table(
    "submissions",
    _tables,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("student", sql.ForeignKey("students.key"), nullable=False),
    sql.Column("content", sql.Text, nullable=False),
    sql.Column("handed_in", sql.Text),
    sql.Column("late", sql.Boolean, nullable=False),
    sql.Column("seen", sql.Text, nullable=False),
    sql.UniqueConstraint("student", "content"),
    sql.Index("submissions_by_content", "content"),
)
_attempts = sql.Table(
    "attempts",
    _tables,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("content", sql.Text, nullable=False),
    sql.Column("course", sql.Text, nullable=False),
    sql.Column("exercises", sql.Text, nullable=False),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.Column("graded", sql.Text, nullable=False),
    sql.Column("broken", sql.Boolean, nullable=False),
    sql.Column("status", sql.Text, nullable=False),
    sql.Column("points", sql.Float, nullable=False),
    sql.Column("max_points", sql.Float, nullable=False),
    sql.Column("flags", sql.Text, nullable=False),
    sql.Column("grade", sql.Text, nullable=False),
    sql.Column("record", sql.Text, nullable=False),
    sql.Index("attempts_by_content", "content"),
)
_standings = sql.Table(
    "standings",
    _tables,
    sql.Column("student", sql.ForeignKey("students.key"), primary_key=True),
    sql.Column("submission", sql.ForeignKey("submissions.id"), nullable=False),
    sql.Column("attempt", sql.ForeignKey("attempts.id"), nullable=False),
    sql.Column("adjustments", sql.Text, nullable=False),
    sql.Column("points", sql.Float, nullable=False),
    sql.Column("percent", sql.Float, nullable=False),
)
_sources = sql.Table(
    "sources",
    _tables,
    sql.Column("content", sql.Text, primary_key=True),
    sql.Column("files", sql.LargeBinary, nullable=False),
)

Policy = Literal["latest", "best"]
"""Which of a student's submissions counts: the one handed in last, or the one with the most points."""
Adjust = Callable[[Grade, HandIn], Sequence[Adjustment]]


class GradebookError(Exception):
    """A gradebook that cannot be used: which, why, what to do, in one line."""


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
            connection.execute(_insert(connection, _meta).values(drawn).on_conflict_do_nothing())
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
            _upsert(connection, _students, student, ["key"], known or {"key": hand_in.student})
            what = {"late": hand_in.late, **({"handed_in": hand_in.when} if hand_in.when else {})}
            row = {"student": hand_in.student, "content": content, "seen": _now(), **what}
            _upsert(connection, _submissions, row, ["student", "content"], what)

    def graded(self, content: str, course: str, exercises: Sequence[str], seed: int) -> int | None:
        """The number of the attempt that need not be made again; one that met a fault of ours has to be."""
        query = (
            sql.select(sql.func.max(_attempts.c.id))
            .where(_attempts.c.content == content, _attempts.c.course == course, _attempts.c.seed == seed)
            .where(_attempts.c.exercises == _list(exercises), sql.not_(_attempts.c.broken))
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
            connection.execute(_attempts.insert().values(row))
            files = {"content": content, "files": msgspec.msgpack.encode(dict(sources))}
            _upsert(connection, _sources, files, ["content"], {"files": files["files"]})
            query = sql.select(_submissions.c.student).where(_submissions.c.content == content)
            for student in connection.execute(query).scalars().all():
                _settle(connection, student, adjust)

    def settle(self, adjust: Adjust, students: Sequence[str] | None = None) -> None:
        """Decide anew which attempt counts for these students, or for all, and what is added and taken."""
        with self._connected(writes=True) as connection:
            chosen = (
                students if students is not None else connection.execute(sql.select(_students.c.key)).scalars().all()
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
            return connection.execute(sql.select(sql.func.count()).select_from(_standings)).scalar_one()

    def row(self, student: str) -> Row | None:
        """One student's."""
        with self._connected() as connection:
            found = connection.execute(_rows().where(_students.c.key == student)).first()
        return None if found is None else _row(found)

    def record(self, attempt: int) -> Record:
        """All that an attempt came to."""
        with self._connected() as connection:
            text = connection.execute(sql.select(_attempts.c.record).where(_attempts.c.id == attempt)).scalar_one()
        return msgspec.json.decode(text, type=Record)

    def sources(self, content: str) -> dict[str, bytes]:
        """The code that was handed in, by path."""
        with self._connected() as connection:
            data = connection.execute(sql.select(_sources.c.files).where(_sources.c.content == content)).scalar()
        return {} if data is None else msgspec.msgpack.decode(data, type=dict[str, bytes])

    def exercises(self) -> list[str]:
        """The ids of the exercises of all attempts that count, in order."""
        query = sql.select(_attempts.c.exercises).join(_standings, _standings.c.attempt == _attempts.c.id).distinct()
        with self._connected() as connection:
            lists = connection.execute(query).scalars().all()
        return sorted({name for text in lists for name in msgspec.json.decode(text, type=list[str])})

    def history(self, student: str) -> list[Attempt]:
        """Every attempt made for a student, oldest first."""
        query = (
            sql.select(_attempts, _submissions.c.handed_in, _standings.c.attempt.label("counting"))
            .join(_submissions, _submissions.c.content == _attempts.c.content)
            .outerjoin(_standings, _standings.c.student == _submissions.c.student)
            .where(_submissions.c.student == student)
            .order_by(_attempts.c.id)
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

    Raises `GradebookError` where there is none and none may be made, or where another version made it.
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
                    raise GradebookError(f"{without_password(url)} is no gradebook yet; `grade batch` makes one")
                _tables.create_all(connection)
                _put(connection, "schema_version", str(SCHEMA))
            found = _value(connection, "schema_version")
    except ModuleNotFoundError as error:
        raise GradebookError(
            f"{without_password(url)} needs the package {error.name}: pip install 'rnn-grader[postgres]'"
        ) from None
    except sql.exc.ArgumentError:
        raise GradebookError(f"{url!r} is no database URL, such as sqlite:///grades.db") from None
    except sql.exc.SQLAlchemyError as error:
        raise GradebookError(f"{without_password(url)} cannot be opened: {_reason(error)}") from None
    if found != str(SCHEMA):
        engine.dispose()
        raise GradebookError(
            f"{without_password(url)} was made by another version (schema {found}, this one reads {SCHEMA}): export it "
            f"with that version (`grade export json`), and grade into a new gradebook with this one"
        )
    return Gradebook(engine)


def _sqlite_file(name: str, create: bool) -> None:
    file = Path(name)
    if not create and not file.exists():
        raise GradebookError(f"{name}: no such gradebook; `grade batch` makes one, --gradebook URL names another")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GradebookError(f"{file.parent} cannot be made: {error.strerror}") from None
    if not os.access(file.parent, os.W_OK):
        raise GradebookError(f"{name}: SQLite has to write beside it, and its folder is read-only: copy it elsewhere")


def _set_up_sqlite(connection: Any, _: object) -> None:
    """A write survives the process at once, and readers do not wait for it."""
    connection.isolation_level = None  # else its driver would begin transactions as it thinks fit
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


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
        sql.select(sql.func.max(_attempts.c.id))
        .where(_attempts.c.content == _submissions.c.content)
        .group_by(_attempts.c.broken)
        .order_by(_attempts.c.broken)
        .limit(1)
        .correlate(_submissions)
        .scalar_subquery()
    )
    query = (
        sql.select(_submissions, _students.c.name, _attempts.c.id.label("attempt"), _attempts.c.grade)
        .join(_students, _students.c.key == _submissions.c.student)
        .join(_attempts, _attempts.c.id == newest)
        .where(_submissions.c.student == student)
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
    _upsert(connection, _standings, {"student": student, **chosen}, ["student"], chosen)


def _rows() -> "sql.Select[Any]":
    return (
        sql.select(_students, _submissions, _standings, _attempts.c.grade)
        .join(_standings, _standings.c.student == _students.c.key)
        .join(_submissions, _submissions.c.id == _standings.c.submission)
        .join(_attempts, _attempts.c.id == _standings.c.attempt)
        .order_by(_students.c.key)
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
    return connection.execute(sql.select(_meta.c.value).where(_meta.c.key == key)).scalar()


def _put(connection: sql.Connection, key: str, value: str) -> None:
    _upsert(connection, _meta, {"key": key, "value": value}, ["key"], {"value": value})


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
