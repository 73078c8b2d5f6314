"""Who watches a grading, and what they are told: the command line, a report in the making, a test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.calibration import Calibration
from grader.figures import Figure

if TYPE_CHECKING:
    from grader.task import Learned


def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True)
class Watch:
    """Functions that are called as a grading goes; by default nobody listens."""

    check: Callable[[str, str | None], None] = _nothing
    """An exercise's id and what begins in it, in words; None when the exercise is done."""
    fault: Callable[[str], None] = _nothing
    """The traceback of a failure of the grader's own, for whoever runs it."""
    figure: Callable[[str, Figure], None] = _nothing
    """An exercise's id and evidence for its report."""
    calibration: Callable[[str, str], Calibration | None] = _nothing
    """Asked by an exercise's id and a learning check's for what has been measured about it."""
    learned: Callable[[str, str, "Learned"], None] = _nothing
    """An exercise's id, a learning check's, and what its trainings came to."""
    spent: Callable[[str, float], None] = _nothing
    """An exercise's id and how many of the seconds for all its checks were spent."""
