"""The author's verb: build a student's recurrent layer or cell, and recognise the step that it takes."""

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
"""How a model is asked for one step: ask(model, x (N, I), h (N, H)) -> h' (N, H)."""
T = TypeVar("T")


def cell(model: Callable[..., Any], x: Tensor, h: Tensor) -> Tensor:
    """Ask a cell, h' = model(x, h)."""
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
    """Build `name(*arguments)`, overwrite its parameters at random, ask it for steps, and solve for W, U and b.

    Args:
        student: whose class it is.
        name: of the class.
        arguments: of its constructor.
        steps: whether it has a time axis: `forward(x (B, T, I), h_0) -> outputs, h_n`. Without one it is a cell.
        ask: how a cell is asked for one step, where that is not h' = model(x, h).
        sizes: input size I and hidden size H; the first two arguments, unless given.
        dtype: the one precision to build in; float64 unless given, or float32 where the class insists on that.

    Raises `StudentRaised`, and `Unmet` where an answer is no state of the right shape. Raises `ValueError` where a
    layer comes with an `ask`.
    """
    if steps and ask is not None:
        raise ValueError("`ask` says how a cell is asked; say steps=False with it")
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
        return _sharpest(layer, lambda found: found.probe)
    return _sharpest(probe, lambda found: found)


def _probe_of(
    student: Student,
    name: str,
    arguments: tuple[Any, ...],
    ask: AskModel,
    sizes: tuple[int, int],
    dtype: torch.dtype,
) -> StepProbe:
    """The probe of a newly built cell, not observed yet."""
    model = student.build(name, *arguments, dtype=dtype)

    def warm() -> Tensor:
        x, h = (drawn((1, size), student.generator, dtype) for size in sizes)
        return ask(model, x, h)

    differentiable = Differentiable(model, warm)
    return StepProbe(
        lambda x, h: ask(differentiable, x, h), *sizes, dtype, model=differentiable, generator=student.generator
    )


def _sharpest(observed: Callable[[torch.dtype], T], probe_of: Callable[[T], StepProbe]) -> T:
    """What is observed in float64, or in float32 where the class insists on that."""
    try:
        found = observed(torch.float64)
    except StudentRaised:
        return observed(torch.float32)
    probe = probe_of(found)
    is_rounded = TOLERANCES[torch.float64].step < probe.error < TOLERANCES[torch.float32].step
    if probe.answer.dtype == torch.float64 and not is_rounded:
        return found
    return observed(torch.float32)
