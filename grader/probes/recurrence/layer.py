"""A whole recurrent layer as a black box: `forward(x, h_0) -> outputs, h_n`, batch first.

x is (B, T, I), h_0 (1, B, H) or None, outputs (B, T, H), h_n (1, B, H).
A `StepProbe` recognises its step; this module calls it on sequences.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from grader.authoring.expectations import expect, expect_shape, expect_tuple
from grader.grading.student import Student
from grader.probes.recurrence.differentiable import Differentiable
from grader.probes.recurrence.laws import shape_hint
from grader.probes.recurrence.probe import Pairs, StepProbe, Tolerances, Words, drawn
from grader.probes.recurrence.step import Step

WORDS = Words(state="h_0", answer="outputs", row="the outputs of a sequence depend")


class Gradients(NamedTuple):
    """The result of backpropagation through a layer; zeros where no gradient arrived."""

    outputs: Tensor  # (B, T, H), of the forward pass
    x: Tensor  # (B, T, I)
    h_0: Tensor  # (1, B, H)
    parameters: dict[str, Tensor]
    is_cut: bool  # none arrived anywhere


class Layer:
    """A student's recurrent layer, built with one size in one precision.

    Args:
        student: the student whose layer it is.
        name: the name of its class.
        arguments: the arguments of its constructor.
        sizes: input size I and hidden size H.
        dtype: float64 or float32.
    """

    first_x: Tensor
    """The inputs (B, 1, I) of its first call, without an h_0."""
    first_outputs: Tensor
    """Its outputs for them: (B, 1, H)."""

    def __init__(
        self, student: Student, name: str, arguments: tuple[Any, ...], sizes: tuple[int, int], dtype: torch.dtype
    ):
        self.input_size, self.hidden_size = sizes
        self.model = student.build(name, *arguments, dtype=dtype)
        self._through = Differentiable(
            self.model, warm=lambda: self.model(drawn((1, 1, self.input_size), student.generator, dtype), None)
        )
        self.probe = StepProbe(
            self._one_step,
            *sizes,
            dtype,
            model=self._through,
            generator=student.generator,
            carried=self._carried,
            words=WORDS,
        )

    @property
    def step(self) -> Step:
        """The W, U and b that were found."""
        return self.probe.step

    @property
    def tolerances(self) -> Tolerances:
        """The largest errors of right layers in this precision."""
        return self.probe.tolerances

    def inputs(self, batch: int, time: int) -> tuple[Tensor, Tensor]:
        """A random x (B, T, I) and h_0 (1, B, H)."""
        draw = self.probe.draw
        return draw(batch, time, self.input_size), draw(1, batch, self.hidden_size)

    def start(self, h_0: Tensor) -> Tensor:
        """The state that a sequence starts from: zeros in a layer that never reads h_0."""
        return h_0 if self.probe.reads_state else torch.zeros_like(h_0)

    def __call__(self, x: Tensor, h_0: Tensor | None) -> tuple[Tensor, Tensor]:
        """The student's outputs (B, T, H) and h_n (1, B, H). Fails the check if they are invalid."""
        return self._checked(self._through(x, h_0), x, h_0)

    def observe_first(self, batch: int) -> None:
        """Record a first step without an h_0, when no state can be left from another call yet."""
        self.first_x, _ = self.inputs(batch, 1)
        self.first_outputs, _ = self(self.first_x, None)

    def backward(
        self, x: Tensor, h_0: Tensor | None, *, of_outputs: Tensor | None = None, of_h_n: Tensor | None = None
    ) -> Gradients:
        """Backpropagate <outputs, of_outputs> + <h_n, of_h_n> through the student's layer."""
        vjp = self.model.vjp((x, h_0), (of_outputs, of_h_n))
        outputs, _ = self._checked(vjp.outputs, x, h_0)
        of_x, of_h_0 = expect_tuple(vjp.inputs, 2, "the gradient")
        is_cut = all(gradient is None for gradient in (of_x, of_h_0, *vjp.parameters.values()))
        of_parameters = {
            name: _or_zeros(vjp.parameters.get(name), value.detach(), name)
            for name, value in self._through.parameters.items()
        }
        h_0 = torch.zeros(1, *x.shape[:1], self.hidden_size) if h_0 is None else h_0
        return Gradients(outputs, _or_zeros(of_x, x, "x"), _or_zeros(of_h_0, h_0, "h_0"), of_parameters, is_cut)

    def _checked(self, returned: Any, x: Tensor, h_0: Tensor | None) -> tuple[Tensor, Tensor]:
        batch, time, _ = x.shape
        given = f" for x of shape {tuple(x.shape)}" + (" and h_0=None" if h_0 is None else "")
        parts = expect_tuple(returned, 2, "forward" + given, hint="Return two values: outputs, h_n.")
        shapes = {"outputs": (batch, time, self.hidden_size), "h_n": (1, batch, self.hidden_size)}
        for value, (name, shape) in zip(parts, shapes.items(), strict=True):
            expect_shape(value, shape, name + given, hint=shape_hint(name, value, shape, time))
            reason = f"{name} has dtype {value.dtype}, expected a floating-point dtype"
            expect(value.is_floating_point(), reason, "Create new tensors in the dtype of x.")
        return parts[0], parts[1]

    def _one_step(self, x: Tensor, h: Tensor) -> Tensor:
        """(N, I), (N, H) -> (N, H): sequences of one step."""
        return self(x[:, None], h[None])[0][:, 0]

    def _carried(self, pairs: int) -> Pairs:
        """Steps inside sequences, which show U even if h_0 is never read."""
        x, _ = self.inputs(pairs, 6)
        outputs, _ = self(x, None)
        steps = (x[:, 1:], outputs[:, :-1], outputs[:, 1:])
        before, state, after = (part.flatten(0, 1) for part in steps)
        return before, state, after


def _or_zeros(gradient: Tensor | None, value: Tensor, name: str) -> Tensor:
    if gradient is None:
        return torch.zeros_like(value)
    return expect_shape(gradient, value.shape, f"the gradient with respect to {name}")
