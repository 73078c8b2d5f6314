"""What a learning check is about: what is to be learned, and what it is worth."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch

from grader.authoring.recipe import Recipe

Draw = Callable[[int, torch.Generator], tuple[tuple[torch.Tensor, ...], torch.Tensor]]
"""Takes a number of examples and a generator; returns inputs and targets, both batch first."""


@dataclass(frozen=True)
class LearningTask:
    """What is to be learned, and what it is worth.

    Scores are errors where `best` lies below `worst`, accuracies where it lies above. The share is 1 up to `best`, 0.5
    at `half`, 0 from `zero` on, and linear between; `worst` is what knowing nothing scores. Training stops when the
    probe set scores better than `stop`, which leaves slack beyond `best`.
    """

    model: str
    arguments: tuple[Any, ...]
    draw: Draw
    """Examples to train on; of new ones too, unless `draw_probe` and `draw_held_out` say otherwise."""
    score: Callable[[torch.Tensor, torch.Tensor], float]
    """Answers and targets -> the score."""
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
    draw_probe: Draw | None = None
    draw_held_out: Draw | None = None
    method: str = "__call__"
    """By which the model is asked: such as a decoder's `translate`, which is given no targets."""
    read: Callable[[Any, torch.Tensor], torch.Tensor] | None = None
    """What the model returned and the targets -> answers for `score`; raises `Unmet` where they are none. By default,
    numbers shaped like the targets, or logits, as the loss has it."""
    unusual: float | None = None
    """A score better than this gets the flag `unusual-accuracy`."""
    data: Any = None
    """What the exercise's own checks want to know of the run's data, such as its tokens: the policy does not look."""
    setting: str = ""
    """What tells several tasks of one exercise apart, for titles: "at 50 steps"."""
    stuck: str = (
        "It did not get past knowing nothing in this budget: is the whole input used, is the state carried from step "
        "to step, and does the gradient reach it?"
    )
    """The hint where the score stays with knowing nothing."""

    @property
    def lower_is_better(self) -> bool:
        """Whether scores are errors."""
        return self.best < self.worst

    @property
    def nothing(self) -> float:
        """The score of answers that are no numbers."""
        return math.inf if self.lower_is_better else -math.inf

    def beats(self, score: float, other: float) -> bool:
        """Whether a score is better than another."""
        return score < other if self.lower_is_better else score > other

    def share(self, score: float) -> float:
        """The share in [0, 1] that a score earns; a score that is not a number earns nothing."""
        if not self.beats(score, self.zero):
            return 0.0
        if score == self.best or self.beats(score, self.best):
            return 1.0
        if score == self.half or self.beats(score, self.half):
            return 1.0 - 0.5 * (score - self.best) / (self.half - self.best)
        return 0.5 * (self.zero - score) / (self.zero - self.half)

    @property
    def recipe(self) -> Recipe:
        """What a student's recipe leaves out."""
        return Recipe(lr=self.lr, batch_size=self.batch_size, steps=self.steps)
