"""A student's layer as the checks drive it: built in one precision, given random weights, and observed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from grader import StudentRaised, expect, expect_shape, expect_tuple

from . import laws
from .step import Step, solve


class Tolerances(NamedTuple):
    """The largest errors of right layers with room to spare, measured over many ways of writing one."""

    step: float  # outputs after one step
    sequence: float  # outputs after up to 200 steps
    gradient: float
    chain: float  # slopes in parameter space, relative
    move: float  # how far a parameter is moved for a slope
    nothing: float  # a weight below this is none


TOLERANCES = {
    torch.float64: Tolerances(1e-9, 1e-8, 1e-7, chain=1e-4, move=1e-5, nothing=1e-7),
    torch.float32: Tolerances(2e-5, 2e-4, 2e-3, chain=2e-2, move=2e-3, nothing=1e-3),
}


LAYERS = ((3, 5), (2, 4), (2, 8), (6, 3), (2, 2))
"""The input and hidden sizes of the layers that checks build."""
CALLS = ((4, 1), (52, 1), (4, 6), (4, 7), (1, 6), (3, 1), (2, 3), (2, 1))
"""The batch sizes and lengths that checks call them with, as far as these do not follow from a layer's size. Not the
long ones: what hangs in those alone keeps the points of what passed before, and a rule comes before all checks."""


class Gradients(NamedTuple):
    """What backpropagation through a student's layer gave: zeros where no gradient arrived."""

    outputs: Tensor  # of the forward pass
    x: Tensor
    h_0: Tensor
    parameters: dict[str, Tensor]


class Layer:
    """A student's `MyRNN` of one size, in one precision."""

    first_x: Tensor
    """The inputs (B, 1, I) of its first call."""
    first_outputs: Tensor
    """What it answered to them."""

    def __init__(self, student: Any, input_size: int, hidden_size: int, dtype: torch.dtype):
        self.model = student.build("MyRNN", input_size, hidden_size, dtype=dtype)
        self.generator = student.generator
        self.input_size, self.hidden_size, self.dtype = input_size, hidden_size, dtype
        self.tolerances = TOLERANCES[dtype]
        try:
            self.parameters = self.model.parameters()
        except StudentRaised:  # lazy modules get their parameters in the first call
            self.model(self.draw(1, 1, input_size), None)
            self.parameters = self.model.parameters()

    def draw(self, *shape: int) -> Tensor:
        """Uniform numbers in [-1, 1)."""
        return (2 * torch.rand(shape, generator=self.generator, dtype=torch.float64) - 1).to(self.dtype)

    def inputs(self, batch: int, time: int) -> tuple[Tensor, Tensor]:
        """A random x (B, T, I) and h_0 (1, B, H)."""
        return self.draw(batch, time, self.input_size), self.draw(1, batch, self.hidden_size)

    def start(self, h_0: Tensor) -> Tensor:
        """The state that a sequence starts from: zeros in a layer that never reads h_0."""
        return h_0 if self.reads_h_0 else torch.zeros_like(h_0)

    def is_nothing(self, weight: Tensor) -> bool:
        """Whether every entry is zero, up to the rounding of a fit."""
        return float(weight.abs().max()) < self.tolerances.nothing

    def __call__(self, x: Tensor, h_0: Tensor | None) -> tuple[Tensor, Tensor]:
        """The student's outputs (B, T, H) and h_n (1, B, H)."""
        return self._checked(self.model(x, h_0), x, h_0)

    def _checked(self, returned: Any, x: Tensor, h_0: Tensor | None) -> tuple[Tensor, Tensor]:
        batch, time, _ = x.shape
        given = f" for x of shape {tuple(x.shape)}" + (" and h_0=None" if h_0 is None else "")
        parts = expect_tuple(returned, 2, "forward" + given, hint="Return two things: outputs, h_n.")
        shapes = {"outputs": (batch, time, self.hidden_size), "h_n": (1, batch, self.hidden_size)}
        for value, (name, shape) in zip(parts, shapes.items(), strict=True):
            expect_shape(value, shape, name + given, hint=laws.of_shape(name, value, shape, time))
            reason = f"{name} has dtype {value.dtype}, expected a floating-point one"
            expect(value.is_floating_point(), reason, "Make new tensors in the dtype of x.")
        return parts

    def randomise(self) -> None:
        """Overwrite all parameters: nothing hangs on their initialisation, no bias hides at zero."""
        scale = 0.9 / self.hidden_size**0.5
        self.parameters = {name: scale * self.draw(*old.shape) for name, old in self.parameters.items()}
        self.model.load(self.parameters)

    def observe(self, pairs: int | None = None) -> None:
        """Ask for one step from many random pairs (x, h_0) and solve for the W, U and b behind it."""
        pairs = pairs or 4 * (self.input_size + self.hidden_size + 1) + 16
        self.x, self.h_0 = self.inputs(pairs, 1)
        self.outputs, self.h_n = self(self.x, self.h_0)
        self.step, self.error = solve(self.x[:, 0], self.h_0[0], self.outputs[:, 0])
        self.reads_h_0 = not self.is_nothing(self.step.U)
        if not self.reads_h_0:  # U may still show between the steps of a sequence
            x, _ = self.inputs(pairs, 6)
            outputs, _ = self(x, None)
            steps = (x[:, 1:], outputs[:, :-1], outputs[:, 1:])
            self.step, error = solve(*(part.flatten(0, 1) for part in steps))
            self.error = max(self.error, error)

    def redraw(self) -> Step:
        """The step under new random parameters."""
        self.randomise()
        self.observe()
        return self.step

    def slope(self, name: str, direction: Tensor) -> Tensor:
        """How W, U and b, in one row, move with one parameter along a direction."""
        old, size = self.parameters[name], self.tolerances.move
        ends = []
        for sign in (1, -1):
            self.model.load({name: old + sign * size * direction})
            self.observe()
            ends.append(self.step.flat)
        self.model.load({name: old})
        return (ends[0] - ends[1]) / (2 * size)

    def backward(
        self, x: Tensor, h_0: Tensor | None, *, of_outputs: Tensor | None = None, of_h_n: Tensor | None = None
    ) -> Gradients:
        """Backpropagate <outputs, of_outputs> + <h_n, of_h_n> through the student's layer."""
        vjp = self.model.vjp((x, h_0), (of_outputs, of_h_n))
        outputs, _ = self._checked(vjp.outputs, x, h_0)
        of_x, of_h_0 = expect_tuple(vjp.inputs, 2, "the gradient")
        name = "h_n" if of_outputs is None else "outputs"
        is_cut = all(gradient is None for gradient in (of_x, of_h_0, *vjp.parameters.values()))
        if is_cut and name == "h_n":
            raise laws.of_cut(self, "h_n carries no gradient")
        expect(not is_cut, f"{name} carries no gradient", laws.CUT)
        of_parameters = {
            name: _arrived(vjp.parameters.get(name), value, name) for name, value in self.parameters.items()
        }
        h_0 = torch.zeros(1, *x.shape[:1], self.hidden_size) if h_0 is None else h_0
        return Gradients(outputs, _arrived(of_x, x, "x"), _arrived(of_h_0, h_0, "h_0"), of_parameters)


def _arrived(gradient: Tensor | None, value: Tensor, name: str) -> Tensor:
    if gradient is None:
        return torch.zeros_like(value)
    return expect_shape(gradient, value.shape, f"the gradient with respect to {name}")


def probe(student: Any, input_size: int = 3, hidden_size: int = 5) -> Layer:
    """The student's layer, observed in float64, or in float32 where the class insists on that."""
    try:
        layer = observed(student, input_size, hidden_size, torch.float64)
    except StudentRaised:
        return observed(student, input_size, hidden_size, torch.float32)
    is_rounded = TOLERANCES[torch.float64].step < layer.error < TOLERANCES[torch.float32].step
    if layer.outputs.dtype == torch.float64 and not is_rounded:
        return layer
    return observed(student, input_size, hidden_size, torch.float32)


def observed(student: Any, input_size: int, hidden_size: int, dtype: torch.dtype) -> Layer:
    """The student's layer in one precision, with random weights and the step that explains it."""
    layer = Layer(student, input_size, hidden_size, dtype)
    layer.randomise()
    layer.first_x, _ = layer.inputs(4, 1)
    layer.first_outputs, _ = layer(layer.first_x, None)  # nothing can be left over from another call
    layer.observe()
    return layer


def traced(student: Any) -> list[Any]:
    """What runs in the student's layer, in both precisions, with an h_0 and without, where that does not raise.

    The sizes are those that the checks use, and others that are drawn; so is the number of calls before: nothing in
    them tells that this call is watched.
    """
    traces = []
    for dtype in (torch.float32, torch.float64):
        sizes = [LAYERS[0], _one_of(student, (*LAYERS, (_drawn(student, 2, 9), _drawn(student, 2, 9))))]
        chosen = bool(_drawn(student, 0, 2))
        for (input_size, hidden_size), with_h_0 in zip(sizes, ((True, False), (chosen,)), strict=True):
            try:
                layer = Layer(student, input_size, hidden_size, dtype)
                layer.randomise()
            except StudentRaised as error:
                raised = error
                continue
            for is_given in with_h_0:
                drawn = _drawn(student, 2, 9), _drawn(student, 2, 9)
                x, h_0 = layer.inputs(*_one_of(student, (*CALLS, drawn)))
                arguments = (x, h_0 if is_given else None)
                try:
                    for _ in range(_drawn(student, 0, 3)):
                        layer.model(*arguments)
                    traces.append(layer.model.trace(*arguments))
                except StudentRaised as error:
                    raised = error
    if not traces:
        raise raised
    return traces


def _one_of(student: Any, sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sizes[_drawn(student, 0, len(sizes))]


def _drawn(student: Any, low: int, high: int) -> int:
    return int(torch.randint(low, high, (), generator=student.generator))
