"""Wraps a student's model so that autograd works on the trusted side: the worker runs its backward pass."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from grader.authoring.expectations import expect_shape
from grader.grading.errors import StudentRaised
from grader.grading.model import Model


class Differentiable:
    """Called like a local model; its answers have gradients with respect to its inputs and its parameters.

    Args:
        model: the student's model.
        warm: calls the model once, because lazy modules create their parameters in their first call.
    """

    parameters: dict[str, Tensor]
    """The loaded parameters by name: leaves that require gradients."""

    def __init__(self, model: Model, warm: Callable[[], object]):
        self.model = model
        try:
            values = model.parameters()
        except StudentRaised:
            warm()
            values = model.parameters()
        self.parameters = {name: _leaf(value) for name, value in values.items()}

    def load(self, values: dict[str, Tensor]) -> None:
        """Overwrite some parameters by name. Raises `StudentRaised`."""
        self.model.load(values)
        self.parameters |= {name: _leaf(value) for name, value in values.items()}

    def __call__(self, *inputs: Any) -> Any:
        """What forward returns: tensors, possibly in tuples. Raises `StudentRaised`."""
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
        return _with_tensors(answer, iter(through))


class _Remote(torch.autograd.Function):
    """Returns a worker's answers, and gets their gradients from the worker."""

    @staticmethod
    def forward(ctx: Any, backward: Callable[..., Iterator[Any]], count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The first `count` tensors are the answers; the others are inputs and parameters."""
        ctx.ask, ctx.count = backward, count
        ctx.set_materialize_grads(False)
        answers = tuple(answer.clone() for answer in tensors[:count])
        ctx.mark_non_differentiable(*(answer for answer in answers if not answer.is_floating_point()))
        return answers

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Any, ...]:
        """None for the other arguments and for the answers, then the worker's gradients."""
        return (None, None, *[None] * ctx.count, *ctx.ask(cotangents))


def _leaf(value: Tensor) -> Tensor:
    return value.detach().clone().requires_grad_()


def _tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors_in(part)


def _with_tensors(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The value with its tensors replaced."""
    if isinstance(value, Tensor):
        return next(tensors)
    if isinstance(value, list | tuple):
        return type(value)(_with_tensors(part, tensors) for part in value)
    return value
