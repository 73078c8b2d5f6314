"""The hooks, in calling order. Nouns contribute value objects; implementations take the arguments they need."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from grader.authoring.exercise import Exercise
from grader.course.layouts import Layout
from grader.records.errors import UsageError
from grader.records.grade import Adjustment, Grade, HandIn, Row

if TYPE_CHECKING:
    import click

PROJECT = "grader"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


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


@hookspec
def grader_exercises() -> Sequence[Exercise]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: the exercises this plugin brings.

    Returns a list; ids must be unique in the course.

    Example:
        exercise = Exercise("my_rnn", title="An RNN from scratch", statement=__doc__, names=["MyRNN"])

        @hookimpl
        def grader_exercises():
            return [exercise]

    Used by: exercises/my_rnn/__init__.py
    """


@hookspec
def grader_formats() -> Sequence[Format]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: the kinds of files beside Python's own that submissions may consist of.

    Returns a list of `Format`; names and suffixes must be unique.

    Example:
        @hookimpl
        def grader_formats():
            return [Format("notebook", (".ipynb",), ("nbformat", "ipython"), Path(__file__).with_name("converter.py"))]

    Used by: plugins/notebooks/__init__.py
    """


@hookspec
def grader_reports(reports: Sequence[Path]) -> Sequence[ReportWriter]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: the report formats this plugin brings.

    Args:
        reports: folders with templates and styles, to be searched in this order (the course's own first).

    Returns a list of `ReportWriter`; names must be unique.

    Example:
        @hookimpl
        def grader_reports(reports):
            return [ReportWriter("html", lambda grade, conditions, evidence: render(reports, grade))]

    Used by: plugins/html_report/__init__.py
    """


@hookspec
def grader_layouts(exercises: Sequence[str]) -> Sequence[Layout]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: the layouts of downloads this plugin can read.

    Args:
        exercises: the ids of the course's exercises: names of modules in a submission, not of students.

    Returns a list of `Layout`; names must be unique. Of those that detect themselves in a download exactly one must be
    left, else the instructor chooses with `--layout`.

    Example:
        @hookimpl
        def grader_layouts():
            return [Layout("canvas", detect=looks_like_canvas, collect=collect)]

    Used by: plugins/layouts/__init__.py
    """


@hookspec
def grader_executors() -> Sequence[ExecutorSpec]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: where `grade batch --executor NAME` can grade.

    Returns a list of `ExecutorSpec`; names must be unique. `local` is built in.

    Example:
        @hookimpl
        def grader_executors():
            return [ExecutorSpec("threads", lambda options, jobs: ThreadPoolExecutor(jobs), options={})]

    Used by: plugins/dask_executor.py
    """


@hookspec
def grader_adjustments(grade: Grade, hand_in: HandIn, settings: Mapping[str, Any]) -> Sequence[Adjustment]:  # type: ignore[empty-body]
    """Called for each grade of a batch, whenever it is written down: points outside the checks, each with a reason.

    Args:
        hand_in: who handed it in, and when.
        settings: the course's `[tool.grade.plugins]`, a table for each plugin.

    Returns a list of `Adjustment`; they are added up, so their order does not matter.

    Example:
        @hookimpl
        def grader_adjustments(grade, hand_in):
            return [Adjustment("handed in late", -1.0)] if hand_in.late else []

    Used by: plugins/late_days.py
    """


@hookspec
def grader_exporters() -> Sequence[Exporter]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: the formats of `grade export FORMAT` this plugin writes.

    Returns a list of `Exporter`; names must be unique.

    Example:
        @hookimpl
        def grader_exporters():
            return [Exporter("points", "one line per student", write)]

    Used by: plugins/exporters/__init__.py
    """


@hookspec
def grader_commands() -> "Sequence[click.Command]":  # type: ignore[empty-body]
    """Called when `grade` meets a command it does not know, and by `grade plugins`: further commands.

    Returns a list of click commands; a name of the grader's own is refused.

    Example:
        @hookimpl
        def grader_commands():
            return [greet]

    Used by: plugins/history.py
    """
