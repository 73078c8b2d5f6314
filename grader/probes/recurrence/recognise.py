"""Builds a student's recurrent layer or cell and recognises its step."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

import torch
from torch import Tensor

from grader.grading.errors import StudentRaised
from grader.grading.student import Student
from grader.probes.recurrence.differentiable import Differentiable
from grader.probes.recurrence.layer import Layer
from grader.probes.recurrence.probe import TOLERANCES, StepProbe, drawn

AskModel = Callable[[Callable[..., Any], Tensor, Tensor], Tensor]
"""Calls a model for one step: ask(model, x (N, I), h (N, H)) -> h' (N, H)."""
T = TypeVar("T")


def cell(model: Callable[..., Any], x: Tensor, h: Tensor) -> Tensor:
    """Call a cell: h' = model(x, h)."""
    answer: Tensor = model(x, h)
    return answer


@overload
def recognise(
    student: Student,
    name: str,
    arguments: tuple[Any, ...],
    *,
    steps: Literal[True] = True,
    sizes: tuple[int, int] | None = None,
    dtype: torch.dtype | None = None,
) -> Layer: ...


@overload
def recognise(
    student: Student,
    name: str,
    arguments: tuple[Any, ...],
    *,
    steps: Literal[False],
    ask: AskModel = cell,
    sizes: tuple[int, int] | None = None,
    dtype: torch.dtype | None = None,
) -> StepProbe: ...


def recognise(
    student: Student,
    name: str,
    arguments: tuple[Any, ...],
    *,
    steps: bool = True,
    ask: AskModel | None = None,
    sizes: tuple[int, int] | None = None,
    dtype: torch.dtype | None = None,
) -> Layer | StepProbe:
    """Build `name(*arguments)`, randomize its parameters, call it for single steps, and solve for W, U and b.

    Args:
        student: the student whose class it is.
        name: the name of the class.
        arguments: the arguments of its constructor.
        steps: whether it is a layer with a time axis, `forward(x (B, T, I), h_0) -> outputs, h_n`, or a cell.
        ask: calls a cell for one step, if that is not h' = model(x, h).
        sizes: input size I and hidden size H; by default the first two arguments.
        dtype: the precision; by default float64, or float32 if the class insists on it.

    Raises `StudentRaised`, `Unmet` if an answer is not a state of the right shape, and `ValueError` for an `ask`
    together with a layer.
    """
    if steps and ask is not None:
        raise ValueError("`ask` is for cells only; say steps=False with it")
    given: tuple[int, int] = sizes or (arguments[0], arguments[1])

    def layer(precision: torch.dtype) -> Layer:
        found = Layer(student, name, arguments, given, precision)
        found.probe.randomise()
        found.observe_first(batch=4)
        found.probe.observe()
        return found

    def probe(precision: torch.dtype) -> StepProbe:
        found = _probe_of(student, name, arguments, ask or cell, given, precision)
        found.randomise()
        found.observe()
        return found

    if dtype is not None:
        return layer(dtype) if steps else probe(dtype)
    if steps:
        return _in_best_precision(layer, lambda found: found.probe)
    return _in_best_precision(probe, lambda found: found)


def _probe_of(
    student: Student,
    name: str,
    arguments: tuple[Any, ...],
    ask: AskModel,
    sizes: tuple[int, int],
    dtype: torch.dtype,
) -> StepProbe:
    """The probe of a new cell, not observed yet."""
    model = student.build(name, *arguments, dtype=dtype)

    def warm() -> Tensor:
        x, h = (drawn((1, size), student.generator, dtype) for size in sizes)
        return ask(model, x, h)

    differentiable = Differentiable(model, warm)
    return StepProbe(
        lambda x, h: ask(differentiable, x, h), *sizes, dtype, model=differentiable, generator=student.generator
    )


def _in_best_precision(observed: Callable[[torch.dtype], T], probe_of: Callable[[T], StepProbe]) -> T:
    """The observation in float64, or in float32 if the class insists on it."""
    try:
        found = observed(torch.float64)
    except StudentRaised:
        return observed(torch.float32)
    probe = probe_of(found)
    is_rounded = TOLERANCES[torch.float64].step < probe.error < TOLERANCES[torch.float32].step
    if probe.answer.dtype == torch.float64 and not is_rounded:
        return found
    return observed(torch.float32)
