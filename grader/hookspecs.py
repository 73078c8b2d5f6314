"""The hooks, in calling order. Nouns contribute value objects; implementations take the arguments they need."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pluggy

from grader.exercise import Exercise
from grader.figures import Figure
from grader.records import Conditions, Grade

PROJECT = "grader"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class ReportWriter:
    """Turns a grade into a document for people."""

    name: str
    page: Callable[[Grade, Conditions, Mapping[str, Sequence[Figure]]], str]
    """Takes the grade, how it came about, and evidence by exercise id."""


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
