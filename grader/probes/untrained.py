"""Models as they were built, with parameters moved a little or drawn again: what shows before any training."""

from typing import Any

import torch

from grader.grading.model import Model
from grader.grading.student import Student


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
