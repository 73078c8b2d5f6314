"""A student's model through which autograd runs on this side: its backward pass is asked of the worker."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from grader.authoring.expectations import expect_shape
from grader.grading.errors import StudentRaised
from grader.grading.model import Model


class Differentiable:
    """A model that is called as a local one, and whose answers have gradients: for its inputs and its parameters.

    Args:
        model: where the calls go.
        warm: calls the model once, for lazy modules get their parameters in their first call.
    """

    parameters: dict[str, Tensor]
    """By name, as they were loaded: leaves that require gradients."""

    def __init__(self, model: Model, warm: Callable[[], object]):
        self.model = model
        try:
            values = model.parameters()
        except StudentRaised:
            warm()
            values = model.parameters()
        self.parameters = {name: _leaf(value) for name, value in values.items()}

    def load(self, values: dict[str, Tensor]) -> None:
        """Overwrite parameters by name; those not named stay. Raises `StudentRaised`."""
        self.model.load(values)
        self.parameters |= {name: _leaf(value) for name, value in values.items()}

    def __call__(self, *inputs: Any) -> Any:
        """What forward returns: tensors, also in tuples. Raises `StudentRaised`."""
        needed = [value for value in inputs if isinstance(value, Tensor)]
        sent = tuple(value.detach() if isinstance(value, Tensor) else value for value in inputs)
        answer = self.model(*sent)
        if not torch.is_grad_enabled() or not any(value.requires_grad for value in needed):
            return answer

        def backward(cotangents: tuple[Tensor | None, ...]) -> Iterator[Tensor | None]:
            found = self.model.vjp(sent, cotangents)
            pairs = zip(inputs, found.inputs, strict=True)
            yield from (gradient for value, gradient in pairs if isinstance(value, Tensor))
            for name, value in self.parameters.items():
                gradient = found.parameters.get(name)
                what = f"the gradient with respect to {name}"
                yield None if gradient is None else expect_shape(gradient, value.shape, what)

        answers = list(_tensors_in(answer))
        through = _Remote.apply(backward, len(answers), *answers, *needed, *self.parameters.values())
        return _refilled(answer, iter(through))


class _Remote(torch.autograd.Function):
    """Hands on answers that a worker gave, and asks it for their gradients."""

    @staticmethod
    def forward(ctx: Any, backward: Callable[..., Iterator[Any]], count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Of the tensors, the first `count` are answers; the others are what they were made of."""
        ctx.ask, ctx.count = backward, count
        ctx.set_materialize_grads(False)
        answers = tuple(answer.clone() for answer in tensors[:count])
        ctx.mark_non_differentiable(*(answer for answer in answers if not answer.is_floating_point()))
        return answers

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Any, ...]:
        """None for what is no tensor and for the answers, then the worker's gradients."""
        return (None, None, *[None] * ctx.count, *ctx.ask(cotangents))


def _leaf(value: Tensor) -> Tensor:
    return value.detach().clone().requires_grad_()


def _tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors_in(part)


def _refilled(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The value with other tensors in the places of its own."""
    if isinstance(value, Tensor):
        return next(tensors)
    if isinstance(value, list | tuple):
        return type(value)(_refilled(part, tensors) for part in value)
    return value
