"""Models as they were built, with parameters moved a little or drawn again: what shows before any training."""

from collections.abc import Callable
from typing import Any, Literal

import torch

from grader.authoring.expectations import expect
from grader.grading.model import Model
from grader.grading.student import Student
from grader.probes.sequence import expect_column

DRAWS = 20
"""How often parameters are drawn again before answers are called bounded."""
BOUNDED = {
    "both": "Leave the last layer without a tanh, sigmoid or ReLU.",
    "above": "Leave the last layer without a sigmoid or tanh.",
    "either": "Leave the last layer without a sigmoid or tanh.",
}
LARGE = 10.0
"""The size of parameters from which answers are large, where nothing bounds them."""


def untrained(
    student: Student, name: str, *arguments: Any, inputs: tuple[torch.Tensor, ...], shake: float = 0.1
) -> Model:
    """Build `name(*arguments)` and move all its parameters a little: a model that answers each input in its own way.

    A last layer that starts at zero would hide what the layers below it do, and stop all gradients.

    Args:
        student: whose model it is; the moves come from the check's own generator.
        name: the class.
        arguments: of its constructor.
        inputs: of one forward pass in evaluation mode, in which lazy layers make their parameters; batch first.
        shake: the standard deviation of the moves.

    Raises `StudentRaised`, `NotAModule`.
    """
    model = student.build(name, *arguments)
    model.predict(*inputs)
    shake_parameters(model, student.generator, shake)
    return model


def shake_parameters(model: Model, generator: torch.Generator, by: float = 0.1) -> None:
    """Move each parameter that is to be trained by `by * N(0, 1)`, all drawn in one row. Raises `StudentRaised`.

    The model has answered before, so that lazy layers have their parameters.
    """
    weights = model.weights()
    model.load_weights(weights + by * torch.randn(weights.shape, generator=generator))


def redraw_parameters(model: Model, generator: torch.Generator, size: float, *, zeros_only: bool = False) -> bool:
    """Draw parameters again as `size * N(0, 1)`, one after the other in their order; whether there were any.

    With `zeros_only` those alone that are zero throughout, as a last layer may start. Raises `StudentRaised`.
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
    """With large random parameters, some answer lies beyond a bound: none is squashed on its way out.

    What overflows is not bounded. A model without parameters passes: that is another check's business.

    Args:
        model: of any parameters; it has others afterwards.
        inputs: so many that their answers may go either way; batch first.
        generator: for the parameters.
        beyond: the bound, a little outside the range of tanh and sigmoid.
        reach: on which side of it: answers beyond `beyond` and below `-beyond` ("both"), beyond it ("above"), or
            either of these ("either").
        read: what the model returned -> its numbers; raises `Unmet` where they are none. By default `expect_column`.
        hint: what to try, where the usual will not do.

    Raises `Unmet`, `StudentRaised`.
    """
    model.predict(*inputs)  # lazy layers get their parameters in the first call
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
        "both": f"the answer lies between {low:.2g} and {high:.2g}",
        "above": f"the answer does not exceed {beyond:.2g}",
        "either": f"no answer exceeds {max(-low, high):.2g}",
    }
    expect(not shapes, f"whatever its parameters are, {words[reach]}", hint or BOUNDED[reach])
