"""One training: how it went, and what was seen of the model that came out of it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.authoring.recipe import Recipe


@dataclass(frozen=True)
class Symptoms:
    """How a model behaves that was trained and learned nothing: what a report can say of the cause."""

    constant: str | None = None
    """What it answers to all inputs, in words, where that is one thing."""
    steps: int = 0
    """Time steps of the input, where these could be looked at."""
    unreached: tuple[int, ...] = ()
    """The steps that no gradient reaches."""
    is_cut: bool = False
    """Whether the answer depends on some of them all the same."""
    fading: float = 1.0
    """The gradient with respect to the first steps, as a part of the largest one."""


@dataclass
class Run:
    """One training: what was reached on the held-out set, and how it went."""

    recipe: Recipe
    untrained: float
    """The score on the held-out set before the first step."""
    score: float = math.nan
    share: float = 0.0
    stopped: bool = False
    out_of_time: bool = False
    """Whether it was too slow for the steps it had left."""
    moved: bool = False
    """Whether any parameter changed."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Steps taken, score on the probe set."""
    losses: list[float | None] = field(default_factory=list)
    gradient_norms: list[float | None] = field(default_factory=list)
    input_gradient: list[float] = field(default_factory=list)
    """Of a sequence that was not learned: the mean size of the gradient of the answer with respect to each step."""
    seconds: float = 0.0
    """Wall-clock seconds it took, with all that it was asked."""
    symptoms: "Symptoms | None" = None
    """What was looked for where nothing was learned."""
    observations: dict[str, Any] = field(default_factory=dict)
    """What was observed of the trained model, or the exception that observing it raised."""

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self.losses)

    @property
    def broke_at(self) -> int | None:
        """The step, counted from 1, at which the loss stopped being a number."""
        return next((step for step, loss in enumerate(self.losses, 1) if loss is None), None)


Observers = Mapping[str, Callable[[Any], Any]]
"""Names, and functions of the trained `Model` that look at how it behaves."""


def in_words(score: float) -> str:
    """A score for a sentence."""
    return f"{score:.3g}" if math.isfinite(score) else "not a number"
