"""A small course to grade whole classes with, and a thread of this process that keeps its session from one batch to the
next: what `grade batch` does is then seen without a new process, and torch in it, for each slot of each run.
"""

import sqlite3
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grader.batch import worker
from grader.batch.gradebook import open_gradebook
from grader.records.grade import Row

WAIT = 120.0

EXERCISE = '''"""Write `double(x)`: twice the tensor."""

import torch

from grader import Exercise, expect_close

exercise = Exercise("double", "Twice as much", statement=__doc__, names=["double"])


@exercise.check(points=3)
def doubles(student):
    """Returns twice its argument."""
    x = torch.rand(3, generator=student.generator)
    expect_close(student.call("double", x), 2 * x, "double(x)", tolerance=1e-6, hint="Is it x + x?")


@exercise.check(points=1)
def of_nothing(student):
    """Takes an empty tensor."""
    expect_close(student.call("double", torch.zeros(0)), torch.zeros(0), "double(x)", tolerance=1e-6)
{more}
'''
SETTINGS = "[tool.grade.limits]\nseconds = 2\ntop_level_seconds = 1\n"
PLUGIN = '''"""The executor `warm`."""

from grader.plugin import ExecutorSpec, hookimpl


def make(options, jobs):
    from tests.batch.warm import Warm  # a process that runs no tests need not find it

    return Warm()


@hookimpl
def grader_executors():
    return [ExecutorSpec("warm", make, {})]
'''
KINDS = {
    "right": "def double(x):\n    return x + x\n",
    "wrong": "def double(x):\n    return x * x\n",
    "broken": "def double(x:\n    return 2\n",
    "raising": "def double(x):\n    raise ValueError('no')\n",
    "dying": "import os\n\ndef double(x):\n    os._exit(3)\n",
    "hanging": "def double(x):\n    while True:\n        pass\n",
}


def make_course(folder: Path, more: str = "") -> Path:
    """A course of one small exercise with low limits, whose batches may be graded by the executor `warm`."""
    for name, text in {
        "exercises/double/__init__.py": EXERCISE.replace("{more}", more),
        "plugins/warm.py": PLUGIN,
        "pyproject.toml": SETTINGS,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def make_class(folder: Path, kinds: dict[str, str]) -> Path:
    """A submission for each student, by what is to become of it; each has a content of its own."""
    for student, kind in kinds.items():
        (folder / student).mkdir(parents=True)
        (folder / student / "double.py").write_text(f"# {student}\n{KINDS[kind]}")
    return folder


class Warm(Executor):
    """Grades in the one thread that `warm_thread` has started, and leaves it and its session as they are."""

    thread: ThreadPoolExecutor

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """As any executor's."""
        return self.thread.submit(function, *args, **kwargs)


@contextmanager
def warm_thread() -> Iterator[None]:
    """The thread, and at the end of it that of its jail."""
    with ThreadPoolExecutor(1) as Warm.thread:
        yield
        Warm.thread.submit(worker._SESSIONS.close).result()


def command(path: Path, course: Path, output: Path, *options: object) -> list[str]:
    where = ["--course", course, "--output", output, "--gradebook", url_of(output)]
    return [sys.executable, "-m", "grader", "batch", *map(str, [path, *where, *options])]


def url_of(output: Path) -> str:
    return f"sqlite:///{output}/gradebook.db"


def rows_of(output: Path) -> dict[str, Row]:
    with open_gradebook(url_of(output)) as book:
        return {row.student: row for row in book.rows()}


def seen(row: Row) -> tuple[object, ...]:
    """What two runs with the same seed agree in."""
    grade = row.grade
    exercises = [(e.id, e.status, e.points, [(c.id, c.status, c.points) for c in e.checks]) for e in grade.exercises]
    return row.student, grade.status, row.points, grade.max_points, grade.flags, grade.seed, row.content, exercises


def attempts(output: Path) -> int:
    """How many attempts the gradebook holds by now; read as another program would."""
    file = output / "gradebook.db"
    if not file.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            return connection.execute("select count(*) from attempts").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def attempts_in(url: str) -> int:
    """The same of a PostgreSQL database."""
    import psycopg

    try:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            found = connection.execute("select count(*) from attempts").fetchone()
    except psycopg.errors.UndefinedTable:
        return 0
    return found[0] if found else 0
