"""Opens and sets up the database of a gradebook, SQLite or PostgreSQL, and hides the differences between the two.

The queries themselves are in `gradebook.py` and `standings.py`.
"""

import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from grader.batch import schema
from grader.batch.alchemy import postgresql, sql, sqlite
from grader.records.errors import GraderFault, UsageError
from grader.records.extras import pip_command, require_extra

_LOCK = 0x67726164  # "grad"
_BUSY_SECONDS = 30


class GradebookError(GraderFault):
    """A gradebook that cannot be used: one line with which, why and what to do."""


class NoGradebook(GradebookError):
    """A gradebook that cannot be opened."""

    exit_code = UsageError.exit_code


def open_database(url: str, *, create: bool = False) -> sql.Engine:
    """The engine of a gradebook, by its SQLAlchemy URL; `create` makes missing tables.

    Raises `NoGradebook` if there is none and `create` is false, or if another version made it; `MissingExtra`
    if the database's driver is not installed.
    """
    try:
        made = _chosen_driver(sql.make_url(url))
        if made.get_backend_name() == "sqlite" and made.database not in (None, "", ":memory:"):
            _prepare_sqlite_file(str(made.database), create)
        engine = sql.create_engine(made)
        if made.get_backend_name() == "sqlite":
            sql.event.listen(engine, "connect", _set_up_sqlite)
            sql.event.listen(engine, "begin", _begin_sqlite)
        with engine.execution_options(writes=create).begin() as connection:
            if create and made.get_backend_name() == "postgresql":  # two processes may try to create the tables at once
                connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
            if not sql.inspect(connection).has_table("meta"):
                if not create:
                    raise NoGradebook(f"{without_password(url)} is not a gradebook; `grade batch` creates one")
                schema.metadata.create_all(connection)
                put_meta(connection, "schema_version", str(schema.SCHEMA))
            found = meta_value(connection, "schema_version")
    except ImportError as error:  # another driver, or psycopg without its library
        raise NoGradebook(
            f"{without_password(url)} cannot be opened: {reason_of(error)}; `{pip_command('postgres')}` brings the "
            f"driver for PostgreSQL"
        ) from None
    except sql.exc.ArgumentError:
        raise NoGradebook(f"{url!r} is not a database URL such as sqlite:///grades.db") from None
    except sql.exc.SQLAlchemyError as error:
        raise NoGradebook(f"{without_password(url)} cannot be opened: {reason_of(error)}") from None
    if found != str(schema.SCHEMA):
        engine.dispose()
        raise NoGradebook(
            f"{without_password(url)} was made by another version (schema {found}, this one reads {schema.SCHEMA}): "
            f"export it with that version (`grade export json`), and grade into a new gradebook with this one"
        )
    return engine


def _chosen_driver(url: sql.URL) -> sql.URL:
    """The URL with the driver that the extra `postgres` brings, where it names none. Raises `MissingExtra`."""
    if url.drivername == "postgresql":  # SQLAlchemy 2.0 would take psycopg2
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername == "postgresql+psycopg":
        require_extra("postgres", "a gradebook on PostgreSQL")
    return url


def without_password(url: str | sql.URL) -> str:
    """A URL without its password."""
    return sql.make_url(url).render_as_string(hide_password=True)


def reason_of(error: sql.exc.SQLAlchemyError | ImportError) -> str:
    """What the driver says went wrong, in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def upsert(
    connection: sql.Connection, table: sql.Table, row: Mapping[str, Any], keys: list[str], changed: Mapping[str, Any]
) -> None:
    """Insert a row, or update the columns in `changed` if a row with the same `keys` exists."""
    insert = insert_into(connection, table).values(**row)
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=dict(changed)))


def insert_into(connection: sql.Connection, table: sql.Table) -> Any:
    """An insert with `ON CONFLICT`, which both dialects spell the same way."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def meta_value(connection: sql.Connection, key: str) -> str | None:
    """The value stored under a key of the gradebook's own metadata, or None."""
    return connection.execute(sql.select(schema.meta.c.value).where(schema.meta.c.key == key)).scalar()


def put_meta(connection: sql.Connection, key: str, value: str) -> None:
    """Store a value in the gradebook's own metadata."""
    upsert(connection, schema.meta, {"key": key, "value": value}, ["key"], {"value": value})


def json_text(value: Any) -> str:
    """A value as a text column holds it."""
    return msgspec.json.encode(value).decode()


def _prepare_sqlite_file(name: str, create: bool) -> None:
    """Create the folder of an SQLite file. Raises `NoGradebook` if that is impossible."""
    file = Path(name)
    if not create and not file.exists():
        raise NoGradebook(
            f"{name}: no such gradebook; create one with `grade batch`, or pass another with --gradebook URL"
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoGradebook(f"{file.parent} cannot be created: {error.strerror}") from None
    if not os.access(file.parent, os.W_OK):
        raise NoGradebook(f"{name}: SQLite has to write next to it, but the folder is read-only: copy it elsewhere")


def _set_up_sqlite(connection: Any, _: object) -> None:
    """Commits are durable at once, and readers do not block on writers."""
    connection.isolation_level = None  # else the driver starts transactions on its own
    for pragma in (f"busy_timeout={_BUSY_SECONDS * 1000}", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:  # if two connections switch a new file to WAL at once, one fails without waiting
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
