"""Value objects that plugins return from hooks, and that their functions receive."""

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
    """The data of a report about a class."""

    title: str
    rows: Callable[[], Iterator[Row]]
    """The attempts that count, sorted by student; each call reads them again, one at a time."""
    exercises: Sequence[Exercise]
    """The course's exercises that any row has, in order."""
    link: Callable[[Row], str]
    """The path of a row's own page, relative to the class page."""
    settings: Mapping[str, Any]
    """The course's `[tool.grade.plugins]`, one table per plugin."""
    notes: Sequence[str] = ()
    """Notes for the instructor, such as what was skipped."""


@dataclass(frozen=True)
class Format:
    """Converts files of one kind, such as notebooks, to the Python files that are graded instead."""

    name: str
    suffixes: Sequence[str]
    """The suffixes of such files, such as `.ipynb`."""
    packages: Sequence[str]
    """The installed distributions that the converter imports. Students' code cannot import them."""
    converter: Path
    """A Python file that runs in a jailed worker and never on the trusted side. It defines `convert(path)`, which
    returns `{"files": [(name, text, parts)], "notes": [...]}`: the name and text of each Python file, and its parts,
    (first line in the text, name of the place it comes from, first line there), empty if line numbers are the same in
    both. It raises ValueError with the reason if it cannot convert. Its imports run once, before the first file is
    read."""


@dataclass(frozen=True)
class ReportWriter:
    """Writes grades as documents for people."""

    name: str
    page: Callable[..., str]
    """Takes the grade, the conditions, evidence by exercise id, and optionally `adjustments=`."""
    class_pages: Callable[[ClassView], Iterable[tuple[str, bytes]]] | None = None
    """The documents about a class by file name; the first is the start page."""


@dataclass(frozen=True)
class ExecutorSpec:
    """Creates the executor of a batch: a `concurrent.futures.Executor`, used as a context manager.

    The grader submits one of its functions with one frozen record as its argument; the result is a frozen record too.
    """

    name: str
    make: Callable[[Mapping[str, str], int], Executor]
    """Takes the values of `--executor-option K=V` and of `--jobs`. Raises ValueError for invalid options."""
    options: Mapping[str, str]
    """The keys that `--executor-option` may set, each with a short description."""


@dataclass(frozen=True)
class Exporting:
    """The input of an exporter: the gradebook, and the options of the command line."""

    rows: Callable[[], Iterator[Row]]
    """The attempts that count, sorted by student; each call reads them again, one at a time."""
    exercises: Sequence[str]
    """The ids of all exercises that any row has, in order."""
    page: Callable[[Row], str]
    """The HTML report for a row's student."""
    sources: Callable[[Row], Mapping[str, bytes]]
    """The submitted code by path: untrusted bytes, which must not be parsed here."""
    into: bytes | None
    """The sheet to fill, from `--into`."""
    column: str | None
    """The column to fill, from `--column`."""
    settings: Mapping[str, Any]
    """The course's `[tool.grade.plugins]`, one table per plugin."""


@dataclass(frozen=True)
class Exported:
    """One document, or the files of a folder by relative path; and notes for the instructor."""

    document: bytes = b""
    folder: Iterable[tuple[str, bytes]] | None = None
    notes: Sequence[str] = ()


class CannotExport(UsageError):
    """Raised if the gradebook and the sheet do not match. The message is one line: what, where, what to do."""


@dataclass(frozen=True)
class Exporter:
    """Writes a gradebook in some format."""

    name: str
    about: str
    """A short description for `grade export --help`."""
    export: Callable[[Exporting], Exported]
    """Raises `CannotExport`."""
