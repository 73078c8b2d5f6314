"""Probes of untrained models, with perturbed or random parameters."""

from collections.abc import Callable
from typing import Any, Literal

import torch

from grader.authoring.expectations import expect
from grader.grading.model import Model
from grader.grading.student import Student
from grader.probes.sequence import expect_column

DRAWS = 20
"""The number of parameter draws before answers count as bounded."""
BOUNDED = {
    "both": "Leave the last layer without a tanh, sigmoid or ReLU.",
    "above": "Leave the last layer without a sigmoid or tanh.",
    "either": "Leave the last layer without a sigmoid or tanh.",
}
LARGE = 10.0
"""The scale of parameters at which answers are large unless something bounds them."""


def untrained(
    student: Student, name: str, *arguments: Any, inputs: tuple[torch.Tensor, ...], shake: float = 0.1
) -> Model:
    """Build `name(*arguments)` and perturb all its parameters, so that it answers different inputs differently.

    A last layer that is initialized with zeros would hide what the layers before it do, and stop all gradients.

    Args:
        student: the student whose model it is; the noise is drawn with the check's generator.
        name: the name of the class.
        arguments: the arguments of its constructor.
        inputs: inputs, batch first, of a first forward pass, in which lazy layers create their parameters.
        shake: the standard deviation of the noise.

    Raises `StudentRaised`, `NotAModule`.
    """
    model = student.build(name, *arguments)
    model.predict(*inputs)
    shake_parameters(model, student.generator, shake)
    return model


def shake_parameters(model: Model, generator: torch.Generator, by: float = 0.1) -> None:
    """Add `by * N(0, 1)` to each trainable parameter, all drawn at once. Raises `StudentRaised`.

    The model must have been called before, so that lazy layers have their parameters.
    """
    weights = model.weights()
    model.load_weights(weights + by * torch.randn(weights.shape, generator=generator))


def redraw_parameters(model: Model, generator: torch.Generator, size: float, *, zeros_only: bool = False) -> bool:
    """Replace parameters by `size * N(0, 1)`, one after the other in their order; return whether there were any.

    With `zeros_only`, only those that are all zeros, as a last layer may be initialized. Raises `StudentRaised`.
    """
    found = {name: old for name, old in model.parameters().items() if not (zeros_only and bool(old.any()))}
    if found:
        model.load({name: size * torch.randn(old.shape, generator=generator) for name, old in found.items()})
    return bool(found)


def expect_unbounded(
    model: Model,
    inputs: tuple[torch.Tensor, ...],
    generator: torch.Generator,
    *,
    beyond: float = 1.01,
    reach: Literal["both", "above", "either"] = "both",
    read: Callable[[Any], torch.Tensor] | None = None,
    hint: str | None = None,
) -> None:
    """Fail the check unless some answers exceed a bound with large random parameters, so that nothing squashes them.

    An answer that overflows is not bounded. A model without parameters passes: other checks deal with it.

    Args:
        model: the model; its parameters are overwritten.
        inputs: enough inputs, batch first, for answers on both sides.
        generator: draws the parameters.
        beyond: the bound, a little outside the range of tanh and sigmoid.
        reach: which answers must occur: above `beyond` and below `-beyond` ("both"), above it ("above"), or one of
            these ("either").
        read: converts the model's output to numbers; raises `Unmet` if it is invalid. By default `expect_column`.
        hint: replaces the usual hint.

    Raises `Unmet`, `StudentRaised`.
    """
    model.predict(*inputs)  # lazy layers create their parameters in the first call
    shapes = {name: old.shape for name, old in model.parameters().items()}
    low = high = 0.0
    for _ in range(DRAWS if shapes else 0):
        model.load({name: LARGE * torch.randn(shape, generator=generator) for name, shape in shapes.items()})
        found = model.predict(*inputs)
        if isinstance(found, torch.Tensor) and not bool(torch.isfinite(found).all()):
            return
        answer = expect_column(found, len(inputs[0])) if read is None else read(found)
        low, high = min(low, float(answer.min())), max(high, float(answer.max()))
        sides = {"both": min(-low, high), "above": high, "either": max(-low, high)}
        if sides[reach] > beyond:
            return
    words = {
        "both": f"the answer stays between {low:.2g} and {high:.2g}",
        "above": f"the answer does not exceed {beyond:.2g}",
        "either": f"no answer exceeds {max(-low, high):.2g}",
    }
    expect(not shapes, f"whatever its parameters are, {words[reach]}", hint or BOUNDED[reach])
