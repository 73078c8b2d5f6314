"""A recurrent step as a black box: asked for many states at random, its weights are found, and moved.

All that an exercise supplies is `ask(x (N, I), h (N, H)) -> h' (N, H)`: how its model is asked for one step.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from grader.authoring.expectations import expect, expect_shape
from grader.probes.recurrence.differentiable import Differentiable
from grader.probes.recurrence.step import Step, solve

Ask = Callable[[Tensor, Tensor], Tensor]
"""One step of a batch: x (N, I), h (N, H) -> h' (N, H)."""
Pairs = tuple[Tensor, Tensor, Tensor]
"""Steps that were seen: x (N, I), h (N, H), h' (N, H)."""


class Tolerances(NamedTuple):
    """The largest errors of right layers with room to spare, measured over many ways of writing one."""

    step: float  # answers after one step
    sequence: float  # answers after up to 200 steps
    gradient: float
    chain: float  # slopes in parameter space, relative
    move: float  # how far a parameter is moved for a slope
    nothing: float  # a weight below this is none


TOLERANCES = {
    torch.float64: Tolerances(1e-9, 1e-8, 1e-7, chain=1e-4, move=1e-5, nothing=1e-7),
    torch.float32: Tolerances(2e-5, 2e-4, 2e-3, chain=2e-2, move=2e-3, nothing=1e-3),
}


class Words(NamedTuple):
    """What an exercise calls the parts of a step, for reasons."""

    state: str = "h"  # what is handed in
    answer: str = "h'"  # what is handed back
    row: str = "the h' of a row depends"  # on its neighbours


class StepGradients(NamedTuple):
    """What backpropagation through one step gave: zeros where no gradient arrived."""

    answer: Tensor  # (N, H), of the forward pass
    x: Tensor  # (N, I)
    h: Tensor  # (N, H)
    parameters: dict[str, Tensor]


class StepProbe:
    """One recurrent step of a student's model, in one precision.

    Args:
        ask: how the model is asked for a step. Where it calls `model`, `backward` follows gradients through it.
        input_size: I.
        hidden_size: H.
        dtype: the precision the model was built in, float64 or float32.
        model: whose parameters are drawn anew and moved.
        generator: draws all numbers.
        carried: other steps to solve by, of N rows, where a state that is handed in moves nothing.
        words: what reasons call the parts of a step.
    """

    x: Tensor
    """What the step was observed at: (N, I)."""
    h: Tensor
    """The states before: (N, H)."""
    answer: Tensor
    """The states that were answered: (N, H)."""
    step: Step
    """The W, U and b that explain the answers best."""
    error: float
    """How far the answers are from this step's, at most."""
    reads_state: bool
    """Whether a state that is handed in moves the answer."""

    def __init__(
        self,
        ask: Ask,
        input_size: int,
        hidden_size: int,
        dtype: torch.dtype,
        *,
        model: Differentiable,
        generator: torch.Generator,
        carried: Callable[[int], Pairs] | None = None,
        words: Words | None = None,
    ):
        self._ask, self._carried = ask, carried
        self.input_size, self.hidden_size, self.dtype = input_size, hidden_size, dtype
        self.model, self.generator = model, generator
        self.words = words or Words()
        self.tolerances = TOLERANCES[dtype]

    def ask(self, x: Tensor, h: Tensor) -> Tensor:
        """The states (N, H) after x (N, I) and h (N, H). The check fails where the answer is none."""
        answer = expect_shape(self._ask(x, h), (len(x), self.hidden_size), f"{self.words.answer} after one step")
        reason = f"{self.words.answer} has dtype {answer.dtype}, expected a floating-point one"
        expect(answer.is_floating_point(), reason, "Make new tensors in the dtype of x.")
        return answer

    def draw(self, *shape: int) -> Tensor:
        """Uniform numbers in [-1, 1)."""
        return drawn(shape, self.generator, self.dtype)

    def inputs(self, count: int) -> tuple[Tensor, Tensor]:
        """A random x (N, I) and h (N, H)."""
        return self.draw(count, self.input_size), self.draw(count, self.hidden_size)

    def is_nothing(self, weight: Tensor) -> bool:
        """Whether every entry is zero, up to the rounding of a fit."""
        return float(weight.abs().max()) < self.tolerances.nothing

    @property
    def follows(self) -> bool:
        """Whether the answers are those of a step that reads both x and h; NaN is none."""
        weights = (self.step.W, self.step.U)
        return self.error <= self.tolerances.step and not any(self.is_nothing(weight) for weight in weights)

    @property
    def is_elementwise(self) -> bool:
        """Whether each unit sees only its own previous value, of several."""
        U = self.step.U
        return self.hidden_size > 1 and self.is_nothing(U - torch.diag(U.diagonal()))

    def randomise(self) -> None:
        """Overwrite all parameters: nothing hangs on their initialisation, no bias hides at zero."""
        scale = 0.9 / self.hidden_size**0.5
        self.model.load({name: scale * self.draw(*old.shape) for name, old in self.model.parameters.items()})

    def observe(self, pairs: int | None = None) -> None:
        """Ask for one step from many random pairs (x, h) and solve for the W, U and b behind it."""
        pairs = pairs or 4 * (self.input_size + self.hidden_size + 1) + 16
        self.x, self.h = self.inputs(pairs)
        self.answer = self.ask(self.x, self.h)
        self.step, self.error = solve(self.x, self.h, self.answer)
        self.reads_state = not self.is_nothing(self.step.U)
        if not self.reads_state and self._carried is not None:
            self.step, error = solve(*self._carried(pairs))
            self.error = max(self.error, error)

    def redraw(self) -> Step:
        """The step under new random parameters."""
        self.randomise()
        self.observe()
        return self.step

    def slope(self, name: str, direction: Tensor) -> Tensor:
        """How W, U and b, in one row, move with one parameter along a direction."""
        old, size = self.model.parameters[name].detach(), self.tolerances.move
        ends = []
        for sign in (1, -1):
            self.model.load({name: old + sign * size * direction})
            self.observe()
            ends.append(self.step.flat)
        self.model.load({name: old})
        return (ends[0] - ends[1]) / (2 * size)

    def backward(self, x: Tensor, h: Tensor, cotangent: Tensor) -> StepGradients:
        """Backpropagate <h', cotangent> through one step, x (N, I) and h (N, H)."""
        names = list(self.model.parameters)
        leaves = [x.clone().requires_grad_(), h.clone().requires_grad_(), *self.model.parameters.values()]
        answer = self.ask(leaves[0], leaves[1])
        found: list[Tensor | None] = [None] * len(leaves)
        if answer.requires_grad:
            found = list(torch.autograd.grad(answer, leaves, cotangent.to(answer.dtype), allow_unused=True))
        of_x, of_h, *of_parameters = (
            torch.zeros_like(leaf) if gradient is None else gradient
            for gradient, leaf in zip(found, leaves, strict=True)
        )
        return StepGradients(answer.detach(), of_x, of_h, dict(zip(names, of_parameters, strict=True)))


def drawn(shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Uniform numbers in [-1, 1)."""
    return (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1).to(dtype)
