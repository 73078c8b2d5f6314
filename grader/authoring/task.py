"""What a learning check is about, and what its trainings came to."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from grader.authoring.expectations import Judged, Unmet
from grader.authoring.recipe import Recipe
from grader.learning import diagnosis
from grader.learning.diagnosis import in_words, sentence

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

    def observed(self, name: str) -> Any:
        """What an observer saw of the model that counts. Raises what it raised."""
        seen = self.run.observations[name]
        if isinstance(seen, Exception):
            raise seen
        return seen

    def judge(self, hint: str | None = None) -> Judged:
        """The verdict, with what was measured as reason; as hint a cause that was measured, else `hint`, else that the
        training was still getting better.

        Raises `Unmet` where nothing was learned.
        """
        reason = sentence(self.task, self.run)
        if len(self.runs) > 1:
            others = ", ".join(in_words(run.score) for run in self.runs)
            reason += f" Three seeds ended at {others}; the median counts."
        if self.share >= 1:
            return Judged(1.0, reason)
        cause = diagnosis.measured(self.task, self.run)
        found = cause or hint or diagnosis.still_improving(self.task, self.run)
        if self.share <= 0:
            raise Unmet(reason, found)
        return Judged(self.share, reason, found, is_certain=cause is not None)


Observers = Mapping[str, Callable[[Any], Any]]
"""Names, and functions of the trained `RemoteModel` that look at how it behaves."""
