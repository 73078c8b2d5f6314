"""The hooks, in calling order. They return lists of value objects; implementations take the arguments they need."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from grader.authoring.exercise import Exercise
from grader.course.contributions import ExecutorSpec, Exporter, Format, ReportWriter
from grader.course.layouts import Layout
from grader.records.grade import Adjustment, Grade, HandIn

if TYPE_CHECKING:
    import click

PROJECT = "grader"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def grader_exercises() -> Sequence[Exercise]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: the exercises this plugin adds.

    Returns a list; ids must be unique in the course.

    Example:
        exercise = Exercise("my_rnn", title="An RNN from scratch", statement=__doc__, names=["MyRNN"])

        @hookimpl
        def grader_exercises():
            return [exercise]

    A course's own exercises need no hook: `exercises/<id>/__init__.py` only has to define `exercise`.

    Used by: tests/third_party_plugin/acme_grading/hooks.py
    """


@hookspec
def grader_formats() -> Sequence[Format]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: file formats other than Python that submissions may use.

    Returns a list of `Format`; names and suffixes must be unique.

    Example:
        @hookimpl
        def grader_formats():
            return [Format("notebook", (".ipynb",), ("nbformat", "ipython"), Path(__file__).with_name("converter.py"))]

    Used by: plugins/notebooks/__init__.py
    """


@hookspec
def grader_reports(reports: Sequence[Path]) -> Sequence[ReportWriter]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: the report formats this plugin adds.

    Args:
        reports: folders with templates and styles, in search order (the course's own first).

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

    Returns a list of `Layout`; names must be unique. If not exactly one layout detects a download, the instructor must
    choose one with `--layout`.

    Example:
        @hookimpl
        def grader_layouts():
            return [Layout("canvas", detect=looks_like_canvas, collect=collect)]

    Used by: plugins/layouts/__init__.py
    """


@hookspec
def grader_executors() -> Sequence[ExecutorSpec]:  # type: ignore[empty-body]
    """Called once, when a course is loaded: the executors for `grade batch --executor NAME`.

    Returns a list of `ExecutorSpec`; names must be unique. `local` is built in.

    Example:
        @hookimpl
        def grader_executors():
            return [ExecutorSpec("threads", lambda options, jobs: ThreadPoolExecutor(jobs), options={})]

    Used by: plugins/dask_executor.py
    """


@hookspec
def grader_adjustments(grade: Grade, hand_in: HandIn, settings: Mapping[str, Any]) -> Sequence[Adjustment]:  # type: ignore[empty-body]
    """Called for each grade of a batch, whenever it is saved: points added or deducted outside the checks.

    Args:
        hand_in: who submitted it, and when.
        settings: the course's `[tool.grade.plugins]`, one table per plugin.

    Returns a list of `Adjustment`, each with its reason; they are summed, so their order does not matter.

    Example:
        @hookimpl
        def grader_adjustments(grade, hand_in):
            return [Adjustment("submitted late", -1.0)] if hand_in.late else []

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
    """Called for a command that `grade` does not know, and by `grade plugins`: additional commands.

    Returns a list of click commands; the names of built-in commands are refused.

    Example:
        @hookimpl
        def grader_commands():
            return [greet]

    Used by: plugins/history.py
    """
