"""The record of one training: its curve, its score, and observations of the trained model."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.authoring.recipe import Recipe


@dataclass(frozen=True)
class Symptoms:
    """The behaviour of a model that was trained and learned nothing, from which the cause is diagnosed."""

    constant: str | None = None
    """A description of its answer, if that is the same for all inputs."""
    steps: int = 0
    """Time steps of the input, if these could be examined."""
    unreached: tuple[int, ...] = ()
    """The steps that no gradient reaches."""
    is_cut: bool = False
    """Whether the answer depends on some of them nevertheless."""
    fading: float = 1.0
    """The gradient with respect to the first steps, as a fraction of the largest one."""


@dataclass
class Run:
    """One training: its score on the held-out set, and how it went."""

    recipe: Recipe
    untrained: float
    """The score on the held-out set before the first step."""
    score: float = math.nan
    share: float = 0.0
    stopped: bool = False
    out_of_time: bool = False
    """Whether it was too slow for its remaining steps."""
    moved: bool = False
    """Whether any parameter changed."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Steps taken, score on the validation set."""
    losses: list[float | None] = field(default_factory=list)
    gradient_norms: list[float | None] = field(default_factory=list)
    input_gradient: list[float] = field(default_factory=list)
    """The mean size of the gradient of the answer with respect to each step, if sequences were not learned."""
    seconds: float = 0.0
    """Wall-clock seconds it took, scoring and observations included."""
    symptoms: "Symptoms | None" = None
    """Filled in if nothing was learned."""
    observations: dict[str, Any] = field(default_factory=dict)
    """The result of each observer, or the exception it raised."""

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self.losses)

    @property
    def broke_at(self) -> int | None:
        """The step, counted from 1, at which the loss stopped being a number."""
        return next((step for step, loss in enumerate(self.losses, 1) if loss is None), None)


Observers = Mapping[str, Callable[[Any], Any]]
"""Functions that are called with the trained `Model`, by name."""


def in_words(score: float) -> str:
    """A score formatted for a sentence."""
    return f"{score:.3g}" if math.isfinite(score) else "not a number"
