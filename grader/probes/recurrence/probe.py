"""A recurrent step as a black box: calls it with random states, and solves for its weights.

An exercise supplies only `ask(x (N, I), h (N, H)) -> h' (N, H)`, which calls its model for one step.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from grader.authoring.expectations import expect, expect_shape
from grader.probes.recurrence.differentiable import Differentiable
from grader.probes.recurrence.step import Step, solve

Ask = Callable[[Tensor, Tensor], Tensor]
"""Calls a model for one step of a batch: x (N, I), h (N, H) -> h' (N, H)."""
Pairs = tuple[Tensor, Tensor, Tensor]
"""Observed steps: x (N, I), h (N, H), h' (N, H)."""


class Tolerances(NamedTuple):
    """The largest errors of right layers with some margin, measured over many implementations."""

    step: float  # answers after one step
    sequence: float  # answers after up to 200 steps
    gradient: float
    chain: float  # slopes in parameter space, relative
    move: float  # the step of a finite difference in a parameter
    nothing: float  # a smaller weight counts as zero


TOLERANCES = {
    torch.float64: Tolerances(1e-9, 1e-8, 1e-7, chain=1e-4, move=1e-5, nothing=1e-7),
    torch.float32: Tolerances(2e-5, 2e-4, 2e-3, chain=2e-2, move=2e-3, nothing=1e-3),
}


class Words(NamedTuple):
    """An exercise's names for the parts of a step, used in reasons."""

    state: str = "h"  # the argument
    answer: str = "h'"  # the result
    row: str = "the h' of a row depends"  # on its neighbours


class StepGradients(NamedTuple):
    """The result of backpropagation through one step; zeros where no gradient arrived."""

    answer: Tensor  # (N, H), of the forward pass
    x: Tensor  # (N, I)
    h: Tensor  # (N, H)
    parameters: dict[str, Tensor]


class StepProbe:
    """One recurrent step of a student's model, in one precision.

    Args:
        ask: calls the model for a step. If it calls `model`, `backward` follows gradients through it.
        input_size: I.
        hidden_size: H.
        dtype: the precision the model was built in, float64 or float32.
        model: the model whose parameters are randomized and perturbed.
        generator: draws all numbers.
        carried: provides N other steps to solve for, if the answer does not depend on the state argument.
        words: names for the parts of a step in reasons.
    """

    x: Tensor
    """The inputs of the observed steps: (N, I)."""
    h: Tensor
    """The states before these steps: (N, H)."""
    answer: Tensor
    """The states after these steps: (N, H)."""
    step: Step
    """The W, U and b that explain the answers best."""
    error: float
    """The largest difference between the answers and this step's."""
    reads_state: bool
    """Whether the answer depends on the state argument."""

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
        """The states (N, H) after x (N, I) and h (N, H). Fails the check if the answer is invalid."""
        answer = expect_shape(self._ask(x, h), (len(x), self.hidden_size), f"{self.words.answer} after one step")
        reason = f"{self.words.answer} has dtype {answer.dtype}, expected a floating-point dtype"
        expect(answer.is_floating_point(), reason, "Create new tensors in the dtype of x.")
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
        """Whether the answers are those of a step that depends on both x and h; false for NaN."""
        weights = (self.step.W, self.step.U)
        return self.error <= self.tolerances.step and not any(self.is_nothing(weight) for weight in weights)

    @property
    def is_elementwise(self) -> bool:
        """Whether each of several units depends only on its own previous value."""
        U = self.step.U
        return self.hidden_size > 1 and self.is_nothing(U - torch.diag(U.diagonal()))

    def randomise(self) -> None:
        """Overwrite all parameters at random, so that their initialization does not matter and no bias is zero."""
        scale = 0.9 / self.hidden_size**0.5
        self.model.load({name: scale * self.draw(*old.shape) for name, old in self.model.parameters.items()})

    def observe(self, pairs: int | None = None) -> None:
        """Call the model with many random pairs (x, h) and solve for W, U and b."""
        pairs = pairs or 4 * (self.input_size + self.hidden_size + 1) + 16
        self.x, self.h = self.inputs(pairs)
        self.answer = self.ask(self.x, self.h)
        self.step, self.error = solve(self.x, self.h, self.answer)
        self.reads_state = not self.is_nothing(self.step.U)
        if not self.reads_state and self._carried is not None:
            self.step, error = solve(*self._carried(pairs))
            self.error = max(self.error, error)

    def redraw(self) -> Step:
        """The step with new random parameters."""
        self.randomise()
        self.observe()
        return self.step

    def slope(self, name: str, direction: Tensor) -> Tensor:
        """The derivative of W, U and b (in one row) when one parameter moves along a direction."""
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
