"""The task of a learning check: model, data, score, score thresholds and training budget."""

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
    """What a model must learn, and what each score is worth.

    Lower scores are better if `best` is below `worst`, else higher ones. The share is 1 up to `best`, 0.5 at `half`, 0
    from `zero` on, and linear in between; `worst` is the score of a trivial baseline. Training stops when the
    validation score is better than `stop`, which should be somewhat better than `best`.
    """

    model: str
    arguments: tuple[Any, ...]
    draw: Draw
    """Draws training examples, and also validation and held-out ones unless `draw_probe` and `draw_held_out` do."""
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
    """Wall-clock limit of one training in seconds: about ten times the expected time."""
    draw_probe: Draw | None = None
    draw_held_out: Draw | None = None
    method: str = "__call__"
    """The method that is called for answers, such as a decoder's `translate`, which gets no targets."""
    read: Callable[[Any, torch.Tensor], torch.Tensor] | None = None
    """The model's output and the targets -> answers for `score`; raises `Unmet` for an invalid output. By default,
    numbers shaped like the targets, or logits, depending on the loss."""
    unusual: float | None = None
    """A score better than this gets the flag `unusual-accuracy`."""
    data: Any = None
    """What the exercise's other checks need to know of the run's data, such as its tokens. The policy ignores it."""
    setting: str = ""
    """Distinguishes several tasks of one exercise in titles: "at 50 steps"."""
    stuck: str = (
        "It did not beat the trivial baseline within the step budget: is the whole input used, is the state carried "
        "from step to step, and does the gradient reach it?"
    )
    """The hint if the score is no better than the trivial baseline."""

    @property
    def lower_is_better(self) -> bool:
        """Whether scores are errors rather than accuracies."""
        return self.best < self.worst

    @property
    def nothing(self) -> float:
        """The score of answers that are NaN or infinite: the worst possible one."""
        return math.inf if self.lower_is_better else -math.inf

    def beats(self, score: float, other: float) -> bool:
        """Whether `score` is better than `other`."""
        return score < other if self.lower_is_better else score > other

    def share(self, score: float) -> float:
        """The share in [0, 1] that a score earns; NaN earns nothing."""
        if not self.beats(score, self.zero):
            return 0.0
        if score == self.best or self.beats(score, self.best):
            return 1.0
        if score == self.half or self.beats(score, self.half):
            return 1.0 - 0.5 * (score - self.best) / (self.half - self.best)
        return 0.5 * (self.zero - score) / (self.zero - self.half)

    @property
    def recipe(self) -> Recipe:
        """The defaults for a student's recipe."""
        return Recipe(lr=self.lr, batch_size=self.batch_size, steps=self.steps)
