"""Behaviour probes for models that read sequences. Each `expect_...` fails the check unless its promise holds.

They call the student's model and never look at its source.
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
"""The factor by which gradients are scaled up, so that float32 can represent tiny ones."""
SMALL = 5_000_000
"""A model with at most this many parameters may be built three more times to find out what its answers depend on."""
ATTENTION = re.compile(r"softmax|scaled_dot_product|multi_head_attention")
LAYER = re.compile(r"aten::(linear|addmm|mm|matmul|bmm|conv|embedding|einsum)")
"""Patterns of operator names, as the profiler reports them."""
CUT = "Something cuts the gradient: .detach(), .data, .item(), torch.no_grad(), torch.tensor() or NumPy."
BATCH_AS_TIME = (
    "It treats the batch axis as time: PyTorch's layers take the batch first only with batch_first=True, and a loop "
    "must run over x[:, t], not over x[t]."
)
STATE_RESET = "The state is reset at every step: create it before the loop. Pass the state on from step to step."
LAST_ONLY = "Pass the whole sequence to the recurrent layer, not only the last step."
LEFT_OUT = "Some steps are left out: pass every step to the recurrent layer, and the state from step to step."
CUT_OFF = "Sequences are cut off: read all steps, however many there are."
CHANCE = (
    "The answer is random: switch off dropout and noise in evaluation (F.dropout with training=self.training, or "
    "nn.Dropout)."
)
NOT_FINITE = (
    "It is NaN or infinite: look for a division by zero, a logarithm of zero, or values that grow at every step."
)
ARGMAX = "Do not sample: take the argmax."
MEMORY = "It remembers the previous call: create a new initial state in forward, and keep no state in self."
OTHER_ORDER = "The answers are in a different order than the sequences: undo the sorting, or do not sort."
OVER_BATCH = "A mean, maximum, norm or softmax runs over the batch."
SEPARATE_ROWS = "Each row of the batch is a separate sequence: average nothing and carry nothing over axis 0."


def near(value: torch.Tensor, wanted: torch.Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two tensors are equal up to rounding in float32."""
    return value.shape == wanted.shape and bool(((value - wanted).abs() <= tolerance).all())


def are_probabilities(found: torch.Tensor) -> bool:
    """Whether numbers (..., C) look like a softmax of logits: none is negative, and each row sums to 1."""
    return bool((found >= 0).all()) and near(found.sum(dim=-1), torch.ones(found.shape[:-1]))


def expect_column(value: Any, count: int, name: str = "the answer", hint: str | None = None) -> torch.Tensor:
    """Return a tensor (B, 1) or (B,) as (B,) in float64; fail the check for any other shape."""
    is_flat = isinstance(value, torch.Tensor) and value.dim() == 1
    return expect_real(expect_shape(value, (count,) if is_flat else (count, 1), name, hint=hint), name).reshape(count)


def expect_numbers(value: Any, shape: Sequence[int], name: str, hint: str | None = None) -> torch.Tensor:
    """Return a finite floating-point tensor of this shape in float64; fail the check for anything else."""
    return expect_real(expect_shape(value, shape, name, hint=hint), name)


def expect_uniform(values: torch.Tensor, name: str) -> None:
    """Fail the check unless at least a thousand values (...), flattened, look uniform over [0, 1).

    The probability of a false alarm is below 1e-10.
    """
    found = values.double().flatten().sort().values
    low, high = float(found[0]), float(found[-1])
    reason = f"{name} goes from {low:.2f} to {high:.2f}, expected numbers in [0, 1)"
    expect(low >= 0 and high <= 1, reason, "torch.rand draws from this range; torch.randn does not.")
    gap = float((found - torch.linspace(0, 1, len(found))).abs().max())
    reason = f"the numbers of {name} are not uniform over [0, 1)"
    expect(gap < math.sqrt(12.5 / len(found)), reason, "Draw them with torch.rand.")  # 2 exp(-25) by Massart


def answers(model: Model, x: torch.Tensor) -> torch.Tensor:
    """The model's answers (B,) to x (B, ...) in evaluation mode, in float64; fails the check if they are invalid."""
    return expect_column(model.predict(x), len(x))


def expect_real(value: torch.Tensor, name: str) -> torch.Tensor:
    """Return the tensor in float64; fail the check unless it has a floating-point dtype."""
    expect(value.is_floating_point(), f"{name} has dtype {value.dtype}, expected a floating-point dtype")
    return value.double()


def expect_recurrent_step(
    student: Student, model: Model, short: tuple[torch.Tensor, ...], long: tuple[torch.Tensor, ...]
) -> None:
    """Fail the check, and flag `no-recurrence`, unless a recurrent step runs.

    Detected from the operators that run for shorter and for longer inputs."""
    seen = model.trace(*long)
    if not recurrent(model.trace(*short), seen):
        student.flag("no-recurrence")
        reason = "no part of forward repeats along the sequence: nothing is carried from step to step"
        hint = "Use nn.RNN, nn.GRU, nn.LSTM, or a loop over the time steps that passes a state on."
        if any(ATTENTION.search(name) for name in seen.operators):
            hint = f"Attention over the raw sequence looks at all steps at once, without a state. {hint}"
        elif not any(LAYER.search(name) for name in seen.operators):
            hint = f"This is a formula, not a network: no layer with weights runs. {hint}"
        else:
            hint = f"Layers that see the raw values, selected or summed, remember nothing. {hint}"
        raise Unmet(reason, hint)


def expect_every_step_reached(model: Model, x: torch.Tensor) -> None:
    """Fail the check unless gradients of the answers (B, ...) reach every step of x (B, T, F)."""
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
        hint = _why_unread(model, x, unreached)
    except StudentRaised:  # unrelated to the finding: the model answered before
        hint = LEFT_OUT
    raise Unmet(f"{reason}: the answer does not depend on them", hint)


def _why_unread(model: Model, x: torch.Tensor, unread: list[int]) -> str:
    """Why answers do not depend on these steps of x (B, T, F): at most two causes, the likelier one first."""
    time = x.shape[1]
    others = x.clone()
    others[0] = 1 - x[0]
    given, moved = model.predict(x), model.predict(others)
    if isinstance(given, torch.Tensor) and not _same(given[1:], moved[1:], tolerance=0.0):
        return BATCH_AS_TIME
    if unread == list(range(time - 1)):  # all but the last
        short, long = (sum(model.trace(part).operators.values()) for part in (x[:, -2:], x))
        return f"{STATE_RESET} Or is only the last step read?" if long > short else LAST_ONLY
    if unread == list(range(len(unread))):
        return f"Only the last {time - len(unread)} steps are read. {CUT_OFF}"
    if unread == list(range(time - len(unread), time)):
        return f"Only the first {time - len(unread)} steps are read. {CUT_OFF}"
    return LEFT_OUT


def input_gradient(model: Model, x: torch.Tensor) -> torch.Tensor | None:
    """The gradient (B, T, F) of the summed answers, times `ENLARGED`: a gradient of 1e-60 vanished, but was not cut.
    None if the answers are not connected to x."""
    answer = model(x)
    if not isinstance(answer, torch.Tensor):
        raise Unmet(f"the answer is {describe(answer)}, expected a tensor")
    return model.vjp((x,), (torch.full(answer.shape, ENLARGED),)).inputs[0]


def gradient_by_step(model: Model, x: torch.Tensor) -> torch.Tensor:
    """The mean size (T,), in float64, of the gradient of an answer with respect to each step of x (B, T, F).

    0 at steps that no gradient reaches. Raises `Unmet` for an answer that is not a tensor, and `StudentRaised`.
    """
    found = input_gradient(model, x)
    return torch.zeros(x.shape[1]).double() if found is None else found.double().abs().mean((0, 2)) / ENLARGED


def expect_repeatable(model: Model, *inputs: torch.Tensor, name: str = "the answer", **options: Any) -> None:
    """Fail the check unless, in evaluation mode, each answer depends on its row alone: not on chance, earlier calls or
    neighbours.

    `options` are passed to `predict`, such as `method`.
    """
    rear = slice(len(inputs[0]) // 2, None)
    first = model.predict(*inputs, **options)
    if not _same(first, model.predict(*inputs, **options)):
        hint = _why_answers_differ(model, first, *inputs, **options)
        raise Unmet(f"asked twice, {name} differs", hint, explains=True)
    # without the rows before them and in reverse order: a state carried along the batch shows in one of the two
    alone = model.predict(*(part[rear].flip(0) for part in inputs), **options)
    if not isinstance(first, torch.Tensor) or not _same(first[rear].flip(0), alone):
        reason = f"{name} to one sequence depends on its neighbours in the batch"
        raise Unmet(reason, _why_rows_interact(model, first, *inputs, **options), explains=True)


def _why_answers_differ(model: Model, first: Any, *inputs: torch.Tensor, **options: Any) -> str:
    """Why two calls with the same inputs differ; both causes if it is unclear which."""
    if isinstance(first, torch.Tensor) and not bool(torch.isfinite(first).all()):
        return NOT_FINITE
    is_choice = isinstance(first, torch.Tensor) and not first.is_floating_point()  # of tokens
    chance = f"{ARGMAX} {CHANCE}" if is_choice else CHANCE
    try:
        weights = model.weights()
        if weights.numel() <= SMALL:
            return chance if _is_random(model, weights, *inputs, **options) else MEMORY
    except (StudentRaised, NotAModule):
        pass
    return f"{chance} Or: {MEMORY[0].lower()}{MEMORY[1:]}"


def _is_random(model: Model, weights: torch.Tensor, *inputs: torch.Tensor, **options: Any) -> bool:
    """Whether two answers differ because of randomness, and not because of a state kept from the previous call.

    If so, equal rows get different answers in a model's first call, or the first calls of two models with the same
    parameters differ."""
    equal = [part[:1].expand(8, *part.shape[1:]).contiguous() for part in inputs]
    found = model.rebuild().predict(*equal, **options)
    if isinstance(found, torch.Tensor) and not _same(found, found[:1].expand_as(found)):
        return True
    answers = []
    for _ in range(2):
        rebuilt = model.rebuild()
        rebuilt.load_weights(weights)
        answers.append(rebuilt.predict(*inputs, **options))
    return not _same(*answers)


def _why_rows_interact(model: Model, first: Any, *inputs: torch.Tensor, **options: Any) -> str:
    """Why a row's answer depends on the other rows."""
    try:
        turned = model.predict(*(part.flip(0) for part in inputs), **options)
    except StudentRaised:
        return SEPARATE_ROWS
    if not isinstance(first, torch.Tensor) or not isinstance(turned, torch.Tensor) or first.shape != turned.shape:
        return SEPARATE_ROWS
    if _same(first.flip(0), turned):  # the same neighbours, in another order
        return f"{OVER_BATCH} {SEPARATE_ROWS}"
    apart = (first[:, None].double() - turned[None].double()).abs().flatten(2).amax(2)  # (B, B)
    if bool((apart.amin(1) <= 1e-4).all()):
        return f"{OTHER_ORDER} {SEPARATE_ROWS}"
    return f"{BATCH_AS_TIME} {SEPARATE_ROWS}"


def _same(one: Any, other: Any, tolerance: float = 1e-4) -> bool:
    """Whether two answers are tensors that are equal up to rounding."""
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return False
    return near(one.double(), other.double(), tolerance)
