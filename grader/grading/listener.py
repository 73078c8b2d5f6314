"""Callbacks for whoever follows a grading: the command line, a report, a test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.records.figures import Figure


def _no_op(*_: object) -> None:
    return None


@dataclass(frozen=True)
class Listener:
    """Functions that are called during a grading; by default, they do nothing."""

    check: Callable[[str, str | None], None] = _no_op
    """An exercise's id and the check that begins, as text; None when the exercise is done."""
    internal_error: Callable[[str], None] = _no_op
    """The traceback of a failure of the grader itself."""
    figure: Callable[[str, Figure], None] = _no_op
    """An exercise's id and evidence for its report."""
    learned: Callable[[str, str, Any], None] = _no_op
    """An exercise's id, a learning check's, and the result of its trainings."""
    spent: Callable[[str, float], None] = _no_op
    """An exercise's id and how many of the seconds for all its checks were used."""
