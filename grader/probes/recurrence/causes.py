"""Why a layer deviates from the recurrence that its single steps follow, the likeliest cause first."""

from collections.abc import Iterator

import torch
from torch import Tensor

from grader.authoring.expectations import Unmet, expect
from grader.probes.recurrence.laws import CUT, broken_laws, mixed_rows
from grader.probes.recurrence.layer import Gradients, Layer
from grader.probes.recurrence.step import ACTIVATIONS, atanh, far, features, fit


def changed_arguments(layer: Layer, x: Tensor, h_0: Tensor | None) -> Iterator[Unmet]:
    """Whether forward changes its arguments in place."""
    changed = layer.model.changes(x, h_0)
    names = [name for position, name in enumerate(("x", "h_0")) if position in changed]
    if names:
        hint = "Methods that end in _ , += and assignments to slices write into the caller's tensor."
        yield Unmet(f"forward changes its argument {' and '.join(names)} in place", hint)


def wrong_outputs(layer: Layer) -> Iterator[Unmet]:
    """Whether h_n is right but outputs is not."""
    probe = layer.probe
    _, h_n = layer(probe.x[:, None], probe.h[None])
    sums, close = features(probe.x, probe.h), layer.tolerances.step
    if fit(sums, h_n[0])[1] < close:
        is_linear = fit(sums, probe.answer, *ACTIVATIONS["no nonlinearity"])[1] < close
        what = "the sums before the tanh" if is_linear else "something other than the states"
        yield Unmet(f"h_n is right, but outputs holds {what}", "outputs[:, t] is the state after step t.")


def why_start(layer: Layer, x: Tensor, outputs: Tensor) -> Iterator[Unmet]:
    """What the first step starts from if h_0 is None, judging by its outputs (B, 1, H)."""
    if far(layer(x, None)[0], outputs, layer.tolerances.sequence):
        reason = "without h_0, two calls start from different states"
        yield Unmet(reason, "h_0=None means zeros, not random numbers.")
    yield from mixed_rows(layer.probe, layer(x[-1:], None)[0], outputs)
    sums = atanh(outputs[:, 0].double()) - x[:, 0].double() @ layer.step.W.T - layer.step.b  # U h_0
    start = torch.linalg.lstsq(layer.step.U, sums.T).solution.T  # (B, H)
    what = "something else" if far(start, torch.ones_like(start), 1e-2) else "ones"
    yield Unmet(f"without h_0, the first step starts from {what}", "h_0=None means zeros.")


def why_sequence(layer: Layer, x: Tensor, h_0: Tensor, outputs: Tensor) -> Unmet:
    """Why single steps are right, but a sequence is not."""
    tolerance = layer.tolerances.sequence
    for law in broken_laws(layer.step, x, h_0, outputs, tolerance):
        return Unmet(law.reason, law.hint)
    error = (outputs - layer.step.run(x, h_0)).abs()  # (B, T, H)
    t = int((error.amax((0, 2)) > tolerance).int().argmax())
    row, unit = divmod(int(error[:, t].argmax()), layer.hidden_size)
    where = f"t = {t} (of {x.shape[1]} steps, counted from 0): row {row}, unit {unit} is off by"
    reason = f"outputs deviate from the recurrence at {where} {error[row, t, unit]:.2g}"
    return Unmet(reason, "The steps before are right: what is special about this one?")


def why_gradient(layer: Layer, gradients: Gradients, cotangent: Tensor) -> Iterator[Unmet]:
    """Where the gradient with respect to x is lost on its way back."""
    if not gradients.x.any():
        yield Unmet("no gradient reaches x", CUT)
    yield from _why_detached(layer, gradients, cotangent)
    wanted = layer.step.backward(gradients.outputs, cotangent) @ layer.step.W
    # NaN is wrong too
    t = int((~((gradients.x - wanted).abs().amax((0, 2)) <= layer.tolerances.gradient)).nonzero().max())
    reason = f"the gradient of the {gradients.x.shape[1]} outputs is wrong at x[:, {t}] and before"
    yield Unmet(reason, CUT)


def _why_detached(layer: Layer, gradients: Gradients, cotangent: Tensor) -> Iterator[Unmet]:
    """Whether detaching the state stops the gradient, and how often it is detached."""
    for every in (1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100):
        wanted = layer.step.backward(gradients.outputs, cotangent, every) @ layer.step.W
        if not far(gradients.x, wanted, layer.tolerances.gradient):
            when = "at each step" if every == 1 else f"every {every} steps"
            yield Unmet(f"the state is detached {when}: no gradient flows further back", CUT)


def why_cut(layer: Layer, reason: str) -> Unmet:
    """Why a gradient is missing at one end of a sequence: it may be cut everywhere."""
    x, _ = layer.inputs(3, 110)
    cotangent = layer.probe.draw(3, 110, layer.hidden_size)
    gradients = backpropagated(layer, x, None, cotangent)
    wanted = layer.step.backward(gradients.outputs, cotangent) @ layer.step.W
    if far(gradients.x, wanted, layer.tolerances.gradient):
        return next(_why_detached(layer, gradients, cotangent), Unmet(reason, CUT))
    return Unmet(reason, CUT)


def backpropagated(layer: Layer, x: Tensor, h_0: Tensor | None, cotangent: Tensor) -> Gradients:
    """Backpropagate <outputs, cotangent>; fail the check if no gradient arrives anywhere."""
    found = layer.backward(x, h_0, of_outputs=cotangent)
    expect(not found.is_cut, "outputs carries no gradient", CUT)
    return found
