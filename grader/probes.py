"""Behaviour probes that several exercises share: what a score cannot see. Each fails the check that asks.

They ask the student's model, never its source.
"""

from typing import Any

import torch

from grader.expectations import Unmet, describe, expect, expect_shape
from grader.student import RemoteModel, Student, recurrent

CUT = ".detach(), .data, .item(), torch.no_grad(), torch.tensor() or NumPy on the way cuts the gradient."
NOT_READ = "Hand the state on from step to step. PyTorch's layers take the batch first only with batch_first=True."
CHANCE = "Switch dropout off in evaluation (training=self.training), and make the initial state anew in forward."


def near(value: torch.Tensor, wanted: torch.Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two tensors are the same but for rounding in float32."""
    return value.shape == wanted.shape and bool(((value - wanted).abs() <= tolerance).all())


def expect_column(value: Any, count: int, name: str = "the answer", hint: str | None = None) -> torch.Tensor:
    """A tensor (B, 1) or (B,) as (B,), in float64; the check fails where it is neither."""
    is_flat = isinstance(value, torch.Tensor) and value.dim() == 1
    return expect_real(expect_shape(value, (count,) if is_flat else (count, 1), name, hint=hint), name).reshape(count)


def expect_real(value: torch.Tensor, name: str) -> torch.Tensor:
    """A tensor in float64; the check fails where it does not hold floating-point numbers."""
    expect(value.is_floating_point(), f"{name} has dtype {value.dtype}, expected a floating-point one")
    return value.double()


def expect_recurrent_step(
    student: Student, model: RemoteModel, short: tuple[torch.Tensor, ...], long: tuple[torch.Tensor, ...]
) -> None:
    """A recurrent step runs: by what runs for shorter and for longer inputs. Flags `no-recurrence` otherwise."""
    if not recurrent(model.trace(*short), model.trace(*long)):
        student.flag("no-recurrence")
        hint = "Use nn.RNN, nn.GRU, nn.LSTM, or a loop over the time steps that hands a state on."
        raise Unmet("no part of forward is repeated along the sequence: nothing is carried from step to step", hint)


def expect_every_step_reached(model: RemoteModel, x: torch.Tensor) -> None:
    """Gradients of the answers (B, ...) reach every step of x (B, T, F); says where they are cut."""
    gradient = input_gradient(model, x)
    unreached = [t for t in range(x.shape[1]) if gradient is None or not bool(gradient[:, t].any())]
    if not unreached:
        return
    last = unreached[-1]
    other = x.clone()
    other[:, last] = 1 - x[:, last]
    reason = f"no gradient reaches {len(unreached)} of {x.shape[1]} steps, the first of them step {unreached[0]}"
    if not _same(model.predict(other), model.predict(x), tolerance=0.0):
        raise Unmet(f"{reason}, though the answer depends on step {last}", CUT)
    raise Unmet(f"{reason}: the answer does not depend on them", NOT_READ)


def input_gradient(model: RemoteModel, x: torch.Tensor) -> torch.Tensor | None:
    """The gradient (B, T, F) of the summed answers, times 1e30: one of 1e-60 that vanished honestly still counts."""
    answer = model(x)
    if not isinstance(answer, torch.Tensor):
        raise Unmet(f"the answer is {describe(answer)}, expected a tensor")
    return model.vjp((x,), (torch.full(answer.shape, 1e30),)).inputs[0]


def expect_repeatable(model: RemoteModel, *inputs: torch.Tensor, name: str = "the answer", **options: Any) -> None:
    """In evaluation mode, each row's answer depends on that row alone: not on chance, earlier calls or neighbours.

    `options` go to `predict`, such as `method`.
    """
    rear = slice(len(inputs[0]) // 2, None)
    first = model.predict(*inputs, **options)
    expect(_same(first, model.predict(*inputs, **options)), f"asked twice, {name} is another", CHANCE)
    # without the rows before them, and in another order: a state carried along the batch shows in one of the two
    alone = model.predict(*(part[rear].flip(0) for part in inputs), **options)
    hint = "Each row of the batch is a sequence of its own: nothing is averaged or carried over axis 0."
    is_its_own = isinstance(first, torch.Tensor) and _same(first[rear].flip(0), alone)
    expect(is_its_own, f"{name} to one sequence depends on its neighbours in the batch", hint)


def _same(one: Any, other: Any, tolerance: float = 1e-4) -> bool:
    """Whether two answers are tensors with the same numbers, but for rounding."""
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return False
    return near(one.double(), other.double(), tolerance)
