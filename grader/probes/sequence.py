"""Behaviour probes that several exercises share: what a score cannot see. Each fails the check that asks.

They ask the student's model, never its source.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

import torch

from grader.authoring.expectations import Unmet, describe, expect, expect_shape
from grader.grading.errors import NotAModule, StudentRaised
from grader.grading.model import Model, recurrent
from grader.grading.student import Student

ENLARGED = 1e30
"""By how much gradients are enlarged on their way back, so that float32 holds small ones."""
SMALL = 5_000_000
"""Parameters of a model that may be built thrice more to find out what its answers hang on."""
ATTENTION = re.compile(r"softmax|scaled_dot_product|multi_head_attention")
LAYER = re.compile(r"aten::(linear|addmm|mm|matmul|bmm|conv|embedding|einsum)")
"""Operators, as the profiler names them."""
CUT = ".detach(), .data, .item(), torch.no_grad(), torch.tensor() or NumPy on the way cuts the gradient."
BATCH_AS_TIME = (
    "It takes the batch for the time: PyTorch's layers take the batch first only with batch_first=True, and a loop "
    "runs over x[:, t], not over x[t]."
)
STARTS_ANEW = "The state starts anew at every step: make it once, before the loop. Hand the state on from step to step."
LAST_ONLY = "Hand the whole sequence to the recurrent layer, not only the last step of it."
LEFT_OUT = "Some steps are left out: hand every step on to the recurrent layer, and the state from step to step."
CUT_OFF = "Sequences are cut off: read all of their steps, however many there are."
CHANCE = (
    "Chance decides: switch dropout and noise off in evaluation (F.dropout with training=self.training, or nn.Dropout)."
)
NOT_FINITE = (
    "It is NaN or infinite, which equals nothing: look for a division by zero, a logarithm of zero, or numbers that "
    "grow at every step."
)
ARGMAX = "Draw nothing at random: take the argmax."
MEMORY = "It remembers the call before: make the initial state anew in forward, and keep no state in self."
OTHER_ORDER = "The answers come back in another order than the sequences: undo the sorting, or let nothing sort them."
OVER_BATCH = "A mean, maximum, norm or softmax runs over the batch."
OF_ITS_OWN = "Each row of the batch is a sequence of its own: nothing is averaged or carried over axis 0."


def near(value: torch.Tensor, wanted: torch.Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two tensors are the same but for rounding in float32."""
    return value.shape == wanted.shape and bool(((value - wanted).abs() <= tolerance).all())


def are_probabilities(found: torch.Tensor) -> bool:
    """Whether numbers (..., C) look like a softmax of logits: none is negative, and those of each row add up to 1."""
    return bool((found >= 0).all()) and near(found.sum(dim=-1), torch.ones(found.shape[:-1]))


def expect_column(value: Any, count: int, name: str = "the answer", hint: str | None = None) -> torch.Tensor:
    """A tensor (B, 1) or (B,) as (B,), in float64; the check fails where it is neither."""
    is_flat = isinstance(value, torch.Tensor) and value.dim() == 1
    return expect_real(expect_shape(value, (count,) if is_flat else (count, 1), name, hint=hint), name).reshape(count)


def expect_numbers(value: Any, shape: Sequence[int], name: str, hint: str | None = None) -> torch.Tensor:
    """A finite tensor of floating-point numbers of this shape, in float64; the check fails where it is none."""
    return expect_real(expect_shape(value, shape, name, hint=hint), name)


def expect_uniform(values: torch.Tensor, name: str) -> None:
    """Fail the check unless values (...), all taken together, spread evenly over [0, 1): a thousand of them, or more.

    It errs once in 10^10 runs, by bad luck.
    """
    found = values.double().flatten().sort().values
    low, high = float(found[0]), float(found[-1])
    reason = f"{name} goes from {low:.2f} to {high:.2f}, expected numbers in [0, 1)"
    expect(low >= 0 and high <= 1, reason, "torch.rand draws there; torch.randn does not.")
    gap = float((found - torch.linspace(0, 1, len(found))).abs().max())
    reason = f"the numbers of {name} are not spread evenly over [0, 1)"
    expect(gap < math.sqrt(12.5 / len(found)), reason, "torch.rand draws such numbers.")  # 2 exp(-25) by Massart


def answers(model: Model, x: torch.Tensor) -> torch.Tensor:
    """The model's answers (B,) to x (B, ...) in evaluation mode, in float64; the check fails where they are none."""
    return expect_column(model.predict(x), len(x))


def expect_real(value: torch.Tensor, name: str) -> torch.Tensor:
    """A tensor in float64; the check fails where it does not hold floating-point numbers."""
    expect(value.is_floating_point(), f"{name} has dtype {value.dtype}, expected a floating-point one")
    return value.double()


def expect_recurrent_step(
    student: Student, model: Model, short: tuple[torch.Tensor, ...], long: tuple[torch.Tensor, ...]
) -> None:
    """A recurrent step runs: by what runs for shorter and for longer inputs. Flags `no-recurrence` otherwise."""
    seen = model.trace(*long)
    if not recurrent(model.trace(*short), seen):
        student.flag("no-recurrence")
        reason = "no part of forward is repeated along the sequence: nothing is carried from step to step"
        hint = "Use nn.RNN, nn.GRU, nn.LSTM, or a loop over the time steps that hands a state on."
        if any(ATTENTION.search(name) for name in seen.operators):
            hint = f"Attention over the raw sequence looks at all steps at once, without a state. {hint}"
        elif not any(LAYER.search(name) for name in seen.operators):
            hint = f"A formula stands in place of a network: no layer with weights runs at all. {hint}"
        else:
            hint = f"Layers that see the values as they came, picked out or summed up, remember nothing. {hint}"
        raise Unmet(reason, hint)


def expect_every_step_reached(model: Model, x: torch.Tensor) -> None:
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
    try:
        hint = _of_unread(model, x, unreached)
    except StudentRaised:  # it answered so far: what it raises now is no cause of what was found
        hint = LEFT_OUT
    raise Unmet(f"{reason}: the answer does not depend on them", hint)


def _of_unread(model: Model, x: torch.Tensor, unread: list[int]) -> str:
    """Why answers do not depend on these steps of x (B, T, F): at most two causes, the likelier first."""
    time = x.shape[1]
    others = x.clone()
    others[0] = 1 - x[0]
    given, moved = model.predict(x), model.predict(others)
    if isinstance(given, torch.Tensor) and not _same(given[1:], moved[1:], tolerance=0.0):
        return BATCH_AS_TIME
    if unread == list(range(time - 1)):  # all but the last
        short, long = (sum(model.trace(part).operators.values()) for part in (x[:, -2:], x))
        return f"{STARTS_ANEW} Or is it that only the last step is read?" if long > short else LAST_ONLY
    if unread == list(range(len(unread))):
        return f"Only the last {time - len(unread)} steps are read. {CUT_OFF}"
    if unread == list(range(time - len(unread), time)):
        return f"Only the first {time - len(unread)} steps are read. {CUT_OFF}"
    return LEFT_OUT


def input_gradient(model: Model, x: torch.Tensor) -> torch.Tensor | None:
    """The gradient (B, T, F) of the summed answers, times `ENLARGED`: one of 1e-60 that vanished honestly still counts.
    None where there is no way back from them to x."""
    answer = model(x)
    if not isinstance(answer, torch.Tensor):
        raise Unmet(f"the answer is {describe(answer)}, expected a tensor")
    return model.vjp((x,), (torch.full(answer.shape, ENLARGED),)).inputs[0]


def gradient_by_step(model: Model, x: torch.Tensor) -> torch.Tensor:
    """The mean size (T,), in float64, of the gradient of an answer with respect to each step of x (B, T, F).

    0 at steps that no gradient reaches. Raises `Unmet` for an answer that is no tensor, `StudentRaised`.
    """
    found = input_gradient(model, x)
    return torch.zeros(x.shape[1]).double() if found is None else found.double().abs().mean((0, 2)) / ENLARGED


def expect_repeatable(model: Model, *inputs: torch.Tensor, name: str = "the answer", **options: Any) -> None:
    """In evaluation mode, each row's answer depends on that row alone: not on chance, earlier calls or neighbours.

    `options` go to `predict`, such as `method`.
    """
    rear = slice(len(inputs[0]) // 2, None)
    first = model.predict(*inputs, **options)
    if not _same(first, model.predict(*inputs, **options)):
        hint = _of_unlike_answers(model, first, *inputs, **options)
        raise Unmet(f"asked twice, {name} is another", hint, explains=True)
    # without the rows before them, and in another order: a state carried along the batch shows in one of the two
    alone = model.predict(*(part[rear].flip(0) for part in inputs), **options)
    if not isinstance(first, torch.Tensor) or not _same(first[rear].flip(0), alone):
        reason = f"{name} to one sequence depends on its neighbours in the batch"
        raise Unmet(reason, _of_neighbours(model, first, *inputs, **options), explains=True)


def _of_unlike_answers(model: Model, first: Any, *inputs: torch.Tensor, **options: Any) -> str:
    """Why the same question gets two answers; both causes where it cannot be told which."""
    if isinstance(first, torch.Tensor) and not bool(torch.isfinite(first).all()):
        return NOT_FINITE
    is_choice = isinstance(first, torch.Tensor) and not first.is_floating_point()  # of tokens
    chance = f"{ARGMAX} {CHANCE}" if is_choice else CHANCE
    try:
        weights = model.weights()
        if weights.numel() <= SMALL:
            return chance if _is_chance(model, weights, *inputs, **options) else MEMORY
    except (StudentRaised, NotAModule):
        pass
    return f"{chance} Or: {MEMORY[0].lower()}{MEMORY[1:]}"


def _is_chance(model: Model, weights: torch.Tensor, *inputs: torch.Tensor, **options: Any) -> bool:
    """Whether chance makes two answers differ, and not what is left of the call before: by the first call of a model,
    where equal rows get different answers, or where another first call with the same parameters does."""
    equal = [part[:1].expand(8, *part.shape[1:]).contiguous() for part in inputs]
    found = model.rebuild().predict(*equal, **options)
    if isinstance(found, torch.Tensor) and not _same(found, found[:1].expand_as(found)):
        return True
    answers = []
    for _ in range(2):
        twin = model.rebuild()
        twin.load_weights(weights)
        answers.append(twin.predict(*inputs, **options))
    return not _same(*answers)


def _of_neighbours(model: Model, first: Any, *inputs: torch.Tensor, **options: Any) -> str:
    """How a row's answer comes to depend on the other rows."""
    try:
        turned = model.predict(*(part.flip(0) for part in inputs), **options)
    except StudentRaised:
        return OF_ITS_OWN
    if not isinstance(first, torch.Tensor) or not isinstance(turned, torch.Tensor) or first.shape != turned.shape:
        return OF_ITS_OWN
    if _same(first.flip(0), turned):  # the same neighbours, in another order
        return f"{OVER_BATCH} {OF_ITS_OWN}"
    apart = (first[:, None].double() - turned[None].double()).abs().flatten(2).amax(2)  # (B, B)
    if bool((apart.amin(1) <= 1e-4).all()):
        return f"{OTHER_ORDER} {OF_ITS_OWN}"
    return f"{BATCH_AS_TIME} {OF_ITS_OWN}"


def _same(one: Any, other: Any, tolerance: float = 1e-4) -> bool:
    """Whether two answers are tensors with the same numbers, but for rounding."""
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return False
    return near(one.double(), other.double(), tolerance)
