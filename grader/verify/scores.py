"""The scores of solutions in a learning check, sorted together with the score thresholds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from grader.authoring.exercise import Check
from grader.authoring.task import LearningTask
from grader.learning.learned import Learned
from grader.verify import advice

_THRESHOLDS = ("stop", "best", "half", "zero", "worst")


@dataclass(frozen=True)
class Rung:
    """A held-out score: that of a solution's run that counts, or a threshold."""

    name: str
    score: float
    share: float | None
    """The share in [0, 1] that it earns; None for a threshold."""


@dataclass(frozen=True)
class Ladder:
    """All scores of one learning check, from best to worst; NaN and infinite ones come last."""

    metric: str
    rungs: list[Rung]


def ladder(check: Check, learned: Mapping[str, Learned]) -> Ladder | None:
    """The sorted scores of solutions by name; None for a check that trains nothing."""
    task = advice.task_of(check)
    if task is None:
        return None
    rungs = [Rung(name, getattr(task, name), None) for name in _THRESHOLDS]
    rungs += [Rung(name, found.run.score, found.share) for name, found in learned.items()]
    return Ladder(task.metric, sorted(rungs, key=lambda rung: _place(task, rung)))


def _place(task: LearningTask, rung: Rung) -> tuple[bool, float, bool]:
    """The sort key: NaN and infinite scores last, solutions before a threshold that they just reach."""
    if not math.isfinite(rung.score):
        return True, 0.0, False
    return False, rung.score if task.lower_is_better else -rung.score, rung.share is None
