"""What plugins contribute through hooks, and what is handed to it: value objects."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.authoring.exercise import Exercise
from grader.records.errors import UsageError
from grader.records.grade import Row


@dataclass(frozen=True)
class ClassView:
    """What a report about a class is made of."""

    title: str
    rows: Callable[[], Iterator[Row]]
    """The attempts that count, by student; each call reads them anew, one at a time."""
    exercises: Sequence[Exercise]
    """Those of the course that any row has, in order."""
    link: Callable[[Row], str]
    """Where a row's own page lies, relative to the class's."""
    settings: Mapping[str, Any]
    """The course's `[tool.grade.plugins]`, a table for each plugin."""
    notes: Sequence[str] = ()
    """What the instructor should know, such as what was skipped."""


@dataclass(frozen=True)
class Format:
    """Turns files of one kind, as notebooks, into the Python files that are graded in their place."""

    name: str
    suffixes: Sequence[str]
    """What such files end in: `.ipynb`."""
    packages: Sequence[str]
    """The installed distributions that the converter imports. Students' code does not see them."""
    converter: Path
    """A Python file, run in a jailed worker and never on the trusted side. It defines `convert(path)`, which returns
    `{"files": [(name, text, parts)], "notes": [...]}` with the names of Python files, and for each its parts: (first
    line in the text, what to call the place that it comes from, first line there), or none where lines are the same in
    both. Raises ValueError: why it cannot. Its own imports are made once, before the first file is seen."""


@dataclass(frozen=True)
class ReportWriter:
    """Turns grades into documents for people."""

    name: str
    page: Callable[..., str]
    """Takes the grade, the conditions, evidence by exercise id, and `adjustments=` where there may be some."""
    class_pages: Callable[[ClassView], Iterable[tuple[str, bytes]]] | None = None
    """The documents about a class, by file name; the first is the one to open."""


@dataclass(frozen=True)
class ExecutorSpec:
    """Makes the executor that a batch is graded with: a `concurrent.futures.Executor`, used as a context manager.

    What is submitted to it is a function of the grader's with one frozen record, and so is what comes back.
    """

    name: str
    make: Callable[[Mapping[str, str], int], Executor]
    """Takes the `--executor-option K=V` and `--jobs`. Raises ValueError for options that will not do."""
    options: Mapping[str, str]
    """What `--executor-option` may set, each with a few words about it."""


@dataclass(frozen=True)
class Exporting:
    """What an exporter is given: a gradebook to read, and what the command line said."""

    rows: Callable[[], Iterator[Row]]
    """The attempts that count, by student; each call reads them anew, one at a time."""
    exercises: Sequence[str]
    """The ids of all exercises that any of them has, in order."""
    page: Callable[[Row], str]
    """A row's page for the student, as HTML."""
    sources: Callable[[Row], Mapping[str, bytes]]
    """The code that was handed in, by path: bytes of a student's, never to be parsed here."""
    into: bytes | None
    """The sheet to fill, of `--into`."""
    column: str | None
    """Which column of it, of `--column`."""
    settings: Mapping[str, Any]
    """The course's `[tool.grade.plugins]`, a table for each plugin."""


@dataclass(frozen=True)
class Exported:
    """One document, or the files of a folder by their path in it; and what the instructor should know."""

    document: bytes = b""
    folder: Iterable[tuple[str, bytes]] | None = None
    notes: Sequence[str] = ()


class CannotExport(UsageError):
    """What an exporter raises where the gradebook and the sheet do not fit: what, where, what to do, in one line."""


@dataclass(frozen=True)
class Exporter:
    """Writes a gradebook in some format."""

    name: str
    about: str
    """A few words for `grade export --help`."""
    export: Callable[[Exporting], Exported]
    """Raises `CannotExport`."""
