"""Known wrong recurrences, with which failing answers are compared to name the mistake.

One-step laws are about x (N, I), h (N, H) and h' (N, H); sequence laws are about `run(x, h_0)`, the states of the right
recurrence.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from grader.authoring.expectations import Unmet
from grader.probes.recurrence.probe import StepProbe
from grader.probes.recurrence.step import ACTIVATIONS, Step, far, features, fit

LAW = "The law is h_t = tanh(W x_t + U h_(t-1) + b)."
CUT = "Something cuts the gradient: torch.no_grad(), .detach(), .data, .item(), torch.tensor() or NumPy."
UNREGISTERED = "Only nn.Parameter, and modules kept as attributes or in nn.ModuleList, are registered."
VIEW = "view and reshape do not swap axes: stack with dim=1, or use transpose(0, 1)."

Run = Callable[[Tensor, Tensor], Tensor]
"""A recurrence: x (B, T, I), h_0 (1, B, H) -> states (B, T, H)."""


class StepLaw(NamedTuple):
    """A wrong step."""

    reason: str
    """`{answer}` is replaced by the exercise's name for h'."""
    hint: str
    error: Callable[[Tensor, Tensor, Tensor], float]
    """The distance of h' (N, H) from this step, given x (N, I) and h (N, H)."""


def _error_of_stale(x: Tensor, h: Tensor, answer: Tensor) -> float:
    return float((answer.double() - h.double()).abs().max())


def _error_with(activation: str, x: Tensor, h: Tensor, answer: Tensor) -> float:
    return fit(features(x, h), answer, *ACTIVATIONS[activation])[1]


def _error_of_residual(x: Tensor, h: Tensor, answer: Tensor) -> float:
    return fit(features(x, h), answer - h)[1]


STALE = StepLaw(
    "{answer} holds the previous state, h_(t-1) where h_t belongs", "Update the state, then store it.", _error_of_stale
)
STEPS = (
    *(StepLaw(f"one step has {name} where tanh belongs", LAW, partial(_error_with, name)) for name in ACTIVATIONS),
    StepLaw("one step adds tanh(...) to the previous state, which it should replace", LAW, _error_of_residual),
)


def why_step(probe: StepProbe, also: Iterator[Unmet]) -> Iterator[Unmet]:
    """Why an observed step does not follow the law, the likeliest cause first.

    Args:
        probe: a probe that was observed, best with about 400 pairs, enough for activations that are flat on one side.
        also: further causes, tried before other activations.
    """
    words, close = probe.words, probe.tolerances.step
    if far(probe.ask(probe.x, probe.h), probe.answer, close):
        reason = f"the same x and {words.state} give two different {words.answer}"
        yield Unmet(reason, "Leave dropout and noise out of the recurrence.")
    yield from mixed_rows(probe, probe.ask(probe.x[-1:], probe.h[-1:]), probe.answer)
    if probe.error <= close:
        yield _missing_part(probe)
    seen = (probe.x, probe.h, probe.answer)
    if STALE.error(*seen) <= close:
        yield Unmet(STALE.reason.format(answer=words.answer), STALE.hint)
    yield from also
    yield from (Unmet(law.reason, law.hint) for law in STEPS if law.error(*seen) < close)
    if _is_separate(probe):
        yield Unmet("input and state are added outside the tanh, not inside it", LAW)
    sums = features(probe.x, probe.h)
    error = (probe.answer - torch.tanh(sums @ fit(sums, probe.answer)[0])).abs()
    row, unit = divmod(int(error.argmax()), probe.hidden_size)
    reason = f"no W, U and b turn one step into tanh(W x_t + U h_(t-1) + b): row {row}, unit {unit} is off by"
    yield Unmet(f"{reason} {error.max():.2g}", "Write down what your step computes, term by term.")


def mixed_rows(probe: StepProbe, alone: Tensor, together: Tensor) -> Iterator[Unmet]:
    """Whether the answer to the last row of the batch (B, ...) changes if it is alone (1, ...)."""
    if far(alone, together[-1:], probe.tolerances.step):
        hint = "Each row of the batch is a separate sequence: take no mean or norm over axis 0."
        yield Unmet(f"{probe.words.row} on its neighbours in the batch", hint)


def _missing_part(probe: StepProbe) -> Unmet:
    if probe.is_nothing(probe.step.W):
        return Unmet(f"x has no influence on {probe.words.answer}", f"W x_t is missing from the sum. {LAW}")
    if probe.is_nothing(probe.step.U):
        return Unmet("no step depends on the previous one", f"U h_(t-1) is missing from the sum. {LAW}")
    reason = "each hidden unit sees only its own previous value"
    return Unmet(reason, "U h_(t-1) is a matrix product, not an elementwise one.")


def _is_separate(probe: StepProbe) -> bool:
    """Whether one step is f(x) + g(h): then swapping two rows' states keeps the sum of their answers."""
    x, h = probe.inputs(2)
    straight, exchanged = (probe.ask(x, state).sum(0) for state in (h, h.flip(0)))
    return not far(straight, exchanged, probe.tolerances.step)


class SequenceLaw(NamedTuple):
    """A wrong loop over right steps."""

    states: Callable[[Run, Tensor, Tensor], Tensor]
    """Computes the wrong states (B, T, H) from the right recurrence, x (B, T, I) and h_0 (1, B, H)."""
    reason: str
    hint: str


def _restarted(run: Run, x: Tensor, h_0: Tensor) -> Tensor:
    batch, time, input_size = x.shape
    states = run(x.reshape(batch * time, 1, input_size), h_0.repeat_interleave(time, dim=1))
    return states.reshape(batch, time, -1)


def _backwards(run: Run, x: Tensor, h_0: Tensor) -> Tensor:
    return run(x.flip(1), h_0)


def _backwards_and_back(run: Run, x: Tensor, h_0: Tensor) -> Tensor:
    return run(x.flip(1), h_0).flip(1)


def _last_everywhere(run: Run, x: Tensor, h_0: Tensor) -> Tensor:
    return run(x, h_0)[:, -1:].expand(-1, x.shape[1], -1)


def _first_input(run: Run, x: Tensor, h_0: Tensor) -> Tensor:
    return run(x[:, :1].expand_as(x), h_0)


def _sum_carried(step: Step, run: Run, x: Tensor, h_0: Tensor) -> Tensor:
    z, states = h_0[0].double(), []
    for x_t in x.double().unbind(1):
        z = x_t @ step.W.T + z @ step.U.T + step.b
        states.append(torch.tanh(z))
    return torch.stack(states, dim=1)


def _viewed_input(run: Run, x: Tensor, h_0: Tensor) -> Tensor:
    batch, time, _ = x.shape
    return run(x.reshape(time, batch, -1).transpose(0, 1), h_0)


def _viewed_output(run: Run, x: Tensor, h_0: Tensor) -> Tensor:
    return run(x, h_0).transpose(0, 1).reshape(*x.shape[:2], -1)


_BACKWARDS = ("time runs backwards: the last step is read first", "Loop over t = 0, 1, ..., T - 1.")
_BUFFER = "Append a new tensor at each step: one that is overwritten shows its last values everywhere."
SEQUENCES: tuple[SequenceLaw, ...] = (
    SequenceLaw(_restarted, "the state is not passed on: it is reset at every step", "Pass h_t on to step t + 1."),
    SequenceLaw(_backwards, *_BACKWARDS),
    SequenceLaw(_backwards_and_back, *_BACKWARDS),
    SequenceLaw(_last_everywhere, "outputs holds the last state at every step", _BUFFER),
    SequenceLaw(_first_input, "every step reads the first input, x[:, 0]", "Step t reads x[:, t]."),
    SequenceLaw(_viewed_input, "batch and time of x are mixed up by a view", VIEW),
    SequenceLaw(_viewed_output, "batch and time of outputs are mixed up by a view", VIEW),
)


def sequence_laws(step: Step) -> tuple[SequenceLaw, ...]:
    """All sequence laws, including those that depend on the weights of the step."""
    reason = "the next step starts from the sum before the tanh"
    return (*SEQUENCES, SequenceLaw(partial(_sum_carried, step), reason, "Pass on h_t, after the tanh."))


def broken_laws(step: Step, x: Tensor, h_0: Tensor, outputs: Tensor, tolerance: float) -> Iterator[SequenceLaw]:
    """The laws that explain outputs (B, T, H) of x (B, T, I) from h_0 (1, B, H), the likeliest first."""
    for law in sequence_laws(step):
        if not far(law.states(step.run, x, h_0), outputs, tolerance):
            yield law


def wrong_final_states(outputs: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Common wrong final states by description: (B, H), or a tensor that broadcasts to it."""
    yield "the state after the first step", outputs[:, 0]
    yield "the state before the last step", outputs[:, -2]
    yield "the mean of all states", outputs.mean(1)
    yield "the last sequence of the batch", outputs[-1:, -1]
    yield "zeros", torch.zeros_like(outputs[:, -1])


def tied_entries(probe: StepProbe, steps: list[Step]) -> Iterator[Unmet]:
    """Which of W, U and b have fewer degrees of freedom than entries, judging by steps with random parameters."""
    W, U, b = (torch.stack([getattr(step, name) for step in steps]) for name in ("W", "U", "b"))
    for name, values in (("W", W), ("U", U), ("b", b)):
        if probe.is_nothing(values - values[0]) and not probe.is_nothing(values):
            yield Unmet(f"{name} stays the same whatever the module's parameters are", UNREGISTERED)
    if not far(U, U.mT, probe.tolerances.nothing):
        yield Unmet("U is symmetric whatever the module's parameters are", "U has H * H free numbers.")
    if probe.is_nothing(torch.cat([W.abs().amax(0), U.abs().amax(0)], dim=1).amin()):
        yield Unmet("some entries of W or U are zero whatever the parameters are", "W and U are full matrices.")
    if not far(b, b.mean(1, keepdim=True).expand_as(b), probe.tolerances.nothing):
        yield Unmet("all hidden units share one bias", "b has H free numbers.")
    yield Unmet("some entries of W, U and b always change together", "Each entry must be free.")


def shape_hint(name: str, value: Any, wanted: tuple[int, ...], time: int) -> str | None:
    """A hint for outputs or h_n of a wrong shape, guessed from the shape; None if it is right."""
    if isinstance(value, list):
        return "Join the list of states into one tensor: torch.stack(states, dim=1)."
    if not isinstance(value, Tensor) or tuple(value.shape) == wanted:
        return None
    batch, hidden = wanted[1] if name == "h_n" else wanted[0], wanted[-1]
    time_first = "The batch comes first in outputs, as in x, which is (batch, time, features)."
    last_alone = "outputs holds the states of all steps, not only the last one."
    known = {
        ("outputs", time, batch, hidden): time_first,
        ("outputs", batch, hidden): last_alone,
        ("outputs", batch, 1, hidden): last_alone,
        ("outputs", 1, batch, hidden): "outputs comes first, with the states of all steps, and h_n second.",
        ("h_n", batch, hidden): "h_n has a first axis for the layer, of size 1: h.unsqueeze(0).",
        ("h_n", batch, 1, hidden): "The axis for the layer comes first in h_n, before the batch.",
        ("h_n", 1, time, hidden): "x is (batch, time, features): a step's input is x[:, t], not x[t].",
    }
    if (name, *value.shape) in known:
        return known[name, *value.shape]
    others = [(found, size) for found, size in zip(value.shape, wanted, strict=False) if found != size]
    if len(value.shape) == len(wanted) and [size for _, size in others] == [batch]:
        return f"The batch size does not follow x, it is {others[0][0]}: take all sizes from x.shape."
    if list(value.shape) == [size for size in wanted if size != 1]:
        return "squeeze() without an axis drops every axis of size 1."
    return "Take all sizes from x.shape."
