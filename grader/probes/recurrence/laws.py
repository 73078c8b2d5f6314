"""What wrong layers compute: a bank of laws that failing answers are compared with.

A check that fails asks here how to say so. Where a law fits, the mistake has a name; where none does, the
reason says where the answers first leave the recurrence. `layer` is a `Layer`, of `layer.py`.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from grader import Unmet

from .step import Step, atanh, far, features, fit

LAW = "The law is h_t = tanh(W x_t + U h_(t-1) + b)."
CUT = "torch.no_grad(), .detach(), .data, .item(), torch.tensor() or NumPy on the way cuts the gradient."
UNREGISTERED = "Only nn.Parameter, and modules kept as attributes or in nn.ModuleList, are registered."
VIEW = "view and reshape do not exchange axes: stack with dim=1, or use transpose(0, 1)."

ACTIVATIONS = {  # an activation and its inverse
    "no nonlinearity": (lambda z: z, lambda y: y),
    "a ReLU": (torch.relu, lambda y: y),
    "a sigmoid": (torch.sigmoid, lambda y: torch.logit(y.clamp(1e-12, 1 - 1e-12))),
    "a hardtanh": (F.hardtanh, lambda y: y),
    "a softsign": (F.softsign, lambda y: y / (1 - y.abs()).clamp(min=1e-12)),
    "a leaky ReLU": (F.leaky_relu, lambda y: torch.where(y > 0, y, 100 * y)),
    "an ELU": (F.elu, lambda y: torch.where(y > 0, y, torch.log1p(y.clamp(min=-1 + 1e-12)))),
    "tanh twice": (lambda z: torch.tanh(torch.tanh(z)), lambda y: atanh(atanh(y))),
}


def of_shape(name: str, value: Any, wanted: tuple[int, ...], time: int) -> str | None:
    """What to do about a wrong shape, by what it looks like instead."""
    if isinstance(value, list):
        return "Join the list of states into one tensor: torch.stack(states, dim=1)."
    if not isinstance(value, Tensor) or tuple(value.shape) == wanted:
        return None
    batch, hidden = wanted[1] if name == "h_n" else wanted[0], wanted[-1]
    known = {
        (
            "outputs",
            time,
            batch,
            hidden,
        ): "The batch comes first in outputs, as in x, which is (batch, time, features).",
        ("outputs", batch, hidden): "outputs holds the states of all steps, not the last one alone.",
        ("outputs", batch, 1, hidden): "outputs holds the states of all steps, not the last one alone.",
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


def of_changes(layer: Any, x: Tensor, h_0: Tensor | None) -> Unmet | None:
    """Which of its arguments forward changes in place; None where it leaves them as they are."""
    changed = layer.model.changes(x, h_0)
    names = [name for position, name in enumerate(("x", "h_0")) if position in changed]
    if not names:
        return None
    hint = "Methods that end in _ , += and assignments to slices write into the caller's tensor."
    return Unmet(f"forward changes its argument {' and '.join(names)} in place", hint)


def of_step(layer: Any) -> Unmet:
    """Why one step does not follow the law."""
    layer.observe(pairs=400)  # enough for activations that are flat on one side
    x, h, outputs, close = layer.x[:, 0], layer.h_0[0], layer.outputs[:, 0], layer.tolerances.step
    sums = features(x, h)
    if (changed := of_changes(layer, layer.x, layer.h_0)) is not None:
        return changed
    if far(layer(layer.x, layer.h_0)[0], layer.outputs, close):
        reason = "the same x and h_0 give two different outputs"
        return Unmet(reason, "Leave dropout and noise out of the recurrence.")
    if (mixed := _of_neighbours(layer, layer.x, layer.h_0, layer.outputs)) is not None:
        return mixed
    if layer.error <= close:
        return _of_missing_part(layer)
    if not far(outputs, h, close):
        reason = "outputs holds the previous state, h_(t-1) where h_t belongs"
        return Unmet(reason, "Update the state, then store it.")
    if fit(sums, layer.h_n[0])[1] < close:
        is_linear = fit(sums, outputs, *ACTIVATIONS["no nonlinearity"])[1] < close
        what = "the sums before the tanh" if is_linear else "something else than the states"
        return Unmet(f"h_n is right, but outputs holds {what}", "outputs[:, t] is the state after step t.")
    for name, (activation, inverse) in ACTIVATIONS.items():
        if fit(sums, outputs, activation, inverse)[1] < close:
            return Unmet(f"one step has {name} where tanh belongs", LAW)
    if fit(sums, outputs - h)[1] < close:
        return Unmet("one step adds tanh(...) to the previous state, which it should replace", LAW)
    if _is_separate(layer):
        return Unmet("input and state are added outside the tanh, not inside it", LAW)
    error = (outputs - torch.tanh(sums @ fit(sums, outputs)[0])).abs()
    row, unit = divmod(int(error.argmax()), layer.hidden_size)
    reason = f"no W, U and b make one step tanh(W x_t + U h_(t-1) + b): row {row}, unit {unit} is off by"
    return Unmet(f"{reason} {error.max():.2g}", "Write down what your step computes, term by term.")


def _of_neighbours(layer: Any, x: Tensor, h_0: Tensor | None, outputs: Tensor) -> Unmet | None:
    """Whether the last row of the batch is answered otherwise when it is alone."""
    alone, _ = layer(x[-1:], None if h_0 is None else h_0[:, -1:])
    if not far(alone, outputs[-1:], layer.tolerances.step):
        return None
    reason = "the outputs of a sequence depend on its neighbours in the batch"
    return Unmet(reason, "Each row of the batch is a sequence of its own: take no mean or norm over axis 0.")


def _of_missing_part(layer: Any) -> Unmet:
    if layer.is_nothing(layer.step.W):
        return Unmet("x has no influence on outputs", f"W x_t is missing from the sum. {LAW}")
    if layer.is_nothing(layer.step.U):
        return Unmet("no step depends on the one before", f"U h_(t-1) is missing from the sum. {LAW}")
    reason = "each hidden unit sees only its own previous value"
    return Unmet(reason, "U h_(t-1) is a matrix product, not an elementwise one.")


def _is_separate(layer: Any) -> bool:
    """Whether one step is f(x) + g(h): then two rows that exchange their states keep their sum."""
    x, h_0 = layer.inputs(2, 1)
    straight, exchanged = (layer(x, h)[0].sum(0) for h in (h_0, h_0.flip(1)))
    return not far(straight, exchanged, layer.tolerances.step)


def of_start(layer: Any, x: Tensor, outputs: Tensor) -> Unmet:
    """What the first step starts from where h_0 is None, by its outputs (B, 1, H)."""
    if far(layer(x, None)[0], outputs, layer.tolerances.sequence):
        reason = "without h_0, two calls start from different states"
        return Unmet(reason, "h_0=None means zeros, not random numbers.")
    if (mixed := _of_neighbours(layer, x, None, outputs)) is not None:
        return mixed
    sums = atanh(outputs[:, 0].double()) - x[:, 0].double() @ layer.step.W.T - layer.step.b  # U h_0
    start = torch.linalg.lstsq(layer.step.U, sums.T).solution.T  # (B, H)
    what = "something else" if far(start, torch.ones_like(start), 1e-2) else "ones"
    return Unmet(f"without h_0, the first step starts from {what}", "h_0=None means zeros.")


def of_sequence(layer: Any, x: Tensor, h_0: Tensor, outputs: Tensor) -> Unmet:
    """Why the steps are right one by one, but not in a row."""
    tolerance = layer.tolerances.sequence
    for law, reason, hint in SEQUENCES:
        if not far(law(layer.step, x, h_0), outputs, tolerance):
            return Unmet(reason, hint)
    error = (outputs - layer.step.run(x, h_0)).abs()  # (B, T, H)
    t = int((error.amax((0, 2)) > tolerance).int().argmax())
    row, unit = divmod(int(error[:, t].argmax()), layer.hidden_size)
    where = f"t = {t} (of {x.shape[1]} steps, counted from 0): row {row}, unit {unit} is off by"
    reason = f"outputs leave the recurrence at {where} {error[row, t, unit]:.2g}"
    return Unmet(reason, "The steps before are right: what is special about this one?")


def _restarted(step: Step, x: Tensor, h_0: Tensor) -> Tensor:
    batch, time, input_size = x.shape
    states = step.run(x.reshape(batch * time, 1, input_size), h_0.repeat_interleave(time, dim=1))
    return states.reshape(batch, time, -1)


def _backwards(step: Step, x: Tensor, h_0: Tensor) -> Tensor:
    return step.run(x.flip(1), h_0)


def _backwards_and_back(step: Step, x: Tensor, h_0: Tensor) -> Tensor:
    return step.run(x.flip(1), h_0).flip(1)


def _last_everywhere(step: Step, x: Tensor, h_0: Tensor) -> Tensor:
    return step.run(x, h_0)[:, -1:].expand(-1, x.shape[1], -1)


def _first_input(step: Step, x: Tensor, h_0: Tensor) -> Tensor:
    return step.run(x[:, :1].expand_as(x), h_0)


def _sum_carried(step: Step, x: Tensor, h_0: Tensor) -> Tensor:
    z, states = h_0[0].double(), []
    for x_t in x.double().unbind(1):
        z = x_t @ step.W.T + z @ step.U.T + step.b
        states.append(torch.tanh(z))
    return torch.stack(states, dim=1)


def _viewed_input(step: Step, x: Tensor, h_0: Tensor) -> Tensor:
    batch, time, _ = x.shape
    return step.run(x.reshape(time, batch, -1).transpose(0, 1), h_0)


def _viewed_output(step: Step, x: Tensor, h_0: Tensor) -> Tensor:
    return step.run(x, h_0).transpose(0, 1).reshape(*x.shape[:2], -1)


_BACKWARDS = ("time runs backwards: the last step is read first", "Loop over t = 0, 1, ..., T - 1.")
_BUFFER = "Append a new tensor at each step: one that is written again shows its last content everywhere."
SEQUENCES = (
    (_restarted, "the state is not carried on: every step starts anew", "Hand h_t on to step t + 1."),
    (_backwards, *_BACKWARDS),
    (_backwards_and_back, *_BACKWARDS),
    (_last_everywhere, "outputs holds the last state at every step", _BUFFER),
    (_first_input, "every step reads the first input, x[:, 0]", "Step t reads x[:, t]."),
    (_sum_carried, "the next step starts from the sum before the tanh", "Carry h_t on, after the tanh."),
    (_viewed_input, "batch and time of x are mixed up by a view", VIEW),
    (_viewed_output, "batch and time of outputs are mixed up by a view", VIEW),
)


def of_final_state(layer: Any, outputs: Tensor, h_n: Tensor) -> Unmet:
    """What h_n holds where the state after the last step belongs."""
    hint = "h_n is outputs[:, -1] with an axis for the layer in front."
    for what, law in (
        ("the state after the first step", outputs[:, 0]),
        ("the state before the last step", outputs[:, -2]),
        ("the mean of all states", outputs.mean(1)),
        ("the last sequence of the batch", outputs[-1:, -1]),
        ("zeros", torch.zeros_like(h_n[0])),
    ):
        if not far(h_n[0], law.expand_as(h_n[0]), layer.tolerances.sequence):
            return Unmet(f"h_n holds {what}, not the state after the last step", hint)
    return Unmet("h_n is not the last of the states in outputs", hint)


def of_gradient(layer: Any, gradients: Any, cotangent: Tensor) -> Unmet:
    """Where the gradient with respect to x stops on its way back."""
    if not gradients.x.any():
        return Unmet("no gradient reaches x", CUT)
    outputs, found, tolerance = gradients.outputs, gradients.x, layer.tolerances.gradient
    if (detached := _of_detached(layer, gradients, cotangent)) is not None:
        return detached
    wanted = layer.step.backward(outputs, cotangent) @ layer.step.W
    t = int((~((found - wanted).abs().amax((0, 2)) <= tolerance)).nonzero().max())  # NaN is wrong too
    return Unmet(f"the gradient of the {len(found[0])} outputs is wrong at x[:, {t}] and before", CUT)


def _of_detached(layer: Any, gradients: Any, cotangent: Tensor) -> Unmet | None:
    """How often the state is detached, where it is that what stops the gradient."""
    for every in (1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100):
        wanted = layer.step.backward(gradients.outputs, cotangent, every) @ layer.step.W
        if not far(gradients.x, wanted, layer.tolerances.gradient):
            when = "at each step" if every == 1 else f"every {every} steps"
            return Unmet(f"the state is detached {when}: no gradient flows further back", CUT)
    return None


def of_cut(layer: Any, reason: str) -> Unmet:
    """Why a gradient is missing at one end of a sequence: it may be cut all along."""
    x, _ = layer.inputs(3, 110)
    cotangent = layer.draw(3, 110, layer.hidden_size)
    gradients = layer.backward(x, None, of_outputs=cotangent)
    wanted = layer.step.backward(gradients.outputs, cotangent) @ layer.step.W
    if far(gradients.x, wanted, layer.tolerances.gradient):
        detached = _of_detached(layer, gradients, cotangent)
        return detached if detached is not None else Unmet(reason, CUT)
    return Unmet(reason, CUT)


def of_tying(layer: Any, steps: list[Step]) -> Unmet:
    """Which of W, U and b have fewer free numbers than entries."""
    W, U, b = (torch.stack([getattr(step, name) for step in steps]) for name in ("W", "U", "b"))
    for name, values in (("W", W), ("U", U), ("b", b)):
        if layer.is_nothing(values - values[0]) and not layer.is_nothing(values):
            return Unmet(f"{name} stays the same whatever the module's parameters are", UNREGISTERED)
    if not far(U, U.mT, layer.tolerances.nothing):
        return Unmet("U is symmetric whatever the module's parameters are", "U has H * H free numbers.")
    if layer.is_nothing(torch.cat([W.abs().amax(0), U.abs().amax(0)], dim=1).amin()):
        return Unmet("some entries of W or U are zero whatever the parameters are", "W and U are full matrices.")
    if not far(b, b.mean(1, keepdim=True).expand_as(b), layer.tolerances.nothing):
        return Unmet("all hidden units share one bias", "b has H free numbers.")
    return Unmet("some entries of W, U and b always move together", "Each entry is a number of its own.")
