"""What a learning check is about, what a training came to, and both in words."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from grader.expectations import Judged, Unmet
from grader.recipe import Recipe

Draw = Callable[[int, torch.Generator], tuple[tuple[torch.Tensor, ...], torch.Tensor]]
"""Takes a number of examples and a generator; returns inputs and targets, both batch first."""


@dataclass(frozen=True)
class LearningTask:
    """What is to be learned, and what it is worth. Lower scores are better.

    The share is 1 up to `best`, 0.5 at `half`, 0 from `zero` on, and linear between; `worst` is what knowing nothing
    scores. Training stops when the probe set scores below `stop`, which leaves slack below `best`.
    """

    model: str
    arguments: tuple[Any, ...]
    draw: Draw
    score: Callable[[torch.Tensor, torch.Tensor], float]
    metric: str
    best: float
    half: float
    zero: float
    worst: float
    stop: float
    steps: int
    lr: float
    batch_size: int
    loss: Literal["mse", "cross_entropy"] = "mse"
    every: int = 25
    probe: int = 256
    held_out: int = 2000
    seconds: float = 120.0
    """Wall-clock seconds one training may take: about ten times what it should."""

    def share(self, score: float) -> float:
        """The share in [0, 1] that a score earns; a score that is not a number earns nothing."""
        if not score < self.zero:
            return 0.0
        if score <= self.best:
            return 1.0
        if score <= self.half:
            return 1.0 - 0.5 * (score - self.best) / (self.half - self.best)
        return 0.5 * (self.zero - score) / (self.zero - self.half)

    @property
    def recipe(self) -> Recipe:
        """What a student's recipe leaves out."""
        return Recipe(lr=self.lr, batch_size=self.batch_size, steps=self.steps)


@dataclass
class Run:
    """One training: what was reached on the held-out set, and how it went."""

    recipe: Recipe
    untrained: float
    """The score on the held-out set before the first step."""
    score: float = math.inf
    share: float = 0.0
    stopped: bool = False
    moved: bool = False
    """Whether any parameter changed."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Steps taken, score on the probe set."""
    losses: list[float | None] = field(default_factory=list)
    gradient_norms: list[float | None] = field(default_factory=list)
    probes: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self.losses)

    @property
    def broke_at(self) -> int | None:
        """The step, counted from 1, at which the loss stopped being a number."""
        return next((step for step, loss in enumerate(self.losses, 1) if loss is None), None)


@dataclass(frozen=True)
class Learned:
    """The runs of a learning check, and the one that counts."""

    task: LearningTask
    run: Run
    runs: list[Run]

    @property
    def share(self) -> float:
        """The median share of the runs."""
        return self.run.share

    @property
    def probes(self) -> dict[str, torch.Tensor]:
        """The counted model's predictions on the behaviour probes."""
        return self.run.probes

    def judge(self, hint: str | None = None) -> Judged:
        """The verdict, with what was measured as reason, and as hint what the measurements say, else `hint`.

        Raises `Unmet` where nothing was learned.
        """
        reason = sentence(self.task, self.run)
        if len(self.runs) > 1:
            others = ", ".join(f"{run.score:.2g}" for run in self.runs)
            reason += f" Three seeds ended at {others}; the median counts."
        if self.share >= 1:
            return Judged(1.0, reason)
        found = why(self.task, self.run) or hint
        if self.share <= 0:
            raise Unmet(reason, found)
        return Judged(self.share, reason, found)


def sentence(task: LearningTask, run: Run) -> str:
    """What was reached, in one sentence."""
    reached = f"{run.score:.2g}" if math.isfinite(run.score) else "not a number"
    end = "stopped early" if run.stopped else "the whole budget" if run.steps >= task.steps else "the recipe's end"
    if run.broke_at is not None:
        end = "the loss was no longer a number"
    return (
        f"Its {task.metric} on {task.held_out} unseen examples is {reached} after {run.steps} of {task.steps} steps "
        f"({end}); knowing nothing scores {task.worst:.2g}, full marks need {task.best:g} or less."
    )


def why(task: LearningTask, run: Run) -> str | None:
    """What the measurements say about a training that fell short, the likeliest first; None where they are silent."""
    ratio = run.recipe.lr / task.lr
    off = f"The learning rate {run.recipe.lr:g} is far from the usual {task.lr:g}." if not 0.05 <= ratio <= 20 else None
    norms = [norm for norm in run.gradient_norms if norm is not None]
    if run.broke_at is not None or not math.isfinite(run.score):
        cause = off or "Lower the learning rate, clip the gradient, or look for a division or a logarithm of zero."
        return f"The loss became NaN or infinite at step {run.broke_at or run.steps}. {cause}"
    if off is not None:
        return off
    if run.recipe.clip_norm is None and norms and max(norms) > 100:
        return f"The gradient grew to a norm of {max(norms):.2g}: set `clip_norm` in the recipe."
    if run.score > 0.9 * task.worst:
        return (
            "It did not get past knowing nothing in this budget: is the whole input used, is the state carried from "
            "step to step, and does the gradient reach it?"
        )
    half = run.curve[len(run.curve) // 2][1] if run.curve else math.inf
    if run.score < 0.7 * half:
        return "It was still improving when the budget ended: a larger learning rate or another cell may get there."
    return None
