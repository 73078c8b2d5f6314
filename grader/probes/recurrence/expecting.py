"""Expectations of a recognised layer or cell. Each fails the check with the cause, if it is known."""

from itertools import chain
from typing import Literal

import torch
from torch import Tensor

from grader.authoring.expectations import Unmet, expect, expect_close, expect_shape
from grader.grading.errors import StudentRaised
from grader.grading.student import Student
from grader.probes.recurrence.causes import (
    backpropagated,
    changed_arguments,
    why_cut,
    why_gradient,
    why_sequence,
    why_start,
    wrong_outputs,
)
from grader.probes.recurrence.laws import CUT, LAW, UNREGISTERED, mixed_rows, tied_entries, why_step, wrong_final_states
from grader.probes.recurrence.layer import Layer
from grader.probes.recurrence.probe import StepProbe
from grader.probes.recurrence.step import far

PAIRS = 400
"""The number of observed steps that distinguishes laws: enough for activations that are flat on one side."""


def expect_step(found: Layer | StepProbe) -> None:
    """One step follows the law, with no part missing. Names wrong activations and missing parts."""
    probe = found.probe if isinstance(found, Layer) else found
    if probe.follows and not probe.is_elementwise:
        if isinstance(found, StepProbe):  # within one batch, a mean over it looks like a bias
            for problem in mixed_rows(probe, probe.ask(probe.x[-1:], probe.h[-1:]), probe.answer):
                raise problem
        return
    probe.observe(PAIRS)
    if isinstance(found, Layer):
        written = changed_arguments(found, probe.x[:, None], probe.h[None])
        raise next(chain(written, why_step(probe, also=wrong_outputs(found))))
    raise next(why_step(probe, also=iter(())))


def expect_same_law(found: Layer | StepProbe) -> None:
    """One step still follows the law, as in `expect_step`; for checks that need it."""
    probe = found.probe if isinstance(found, Layer) else found
    expect(probe.follows, "one step is no longer tanh(W x_t + U h_(t-1) + b)", LAW)


def expect_bias(found: Layer | StepProbe) -> None:
    """The sum inside the tanh has a bias."""
    probe = found.probe if isinstance(found, Layer) else found
    hint = "Add a trainable vector of hidden_size numbers inside the tanh."
    expect(not probe.is_nothing(probe.step.b), "there is no bias: b is zero whatever the parameters are", hint)


def expect_free_weights(found: Layer | StepProbe) -> None:
    """W, U and b change with the registered parameters, each entry independently; names what is tied.

    Parameters are drawn more often than W, U and b have entries, so use small sizes such as (2, 2).
    """
    probe = found.probe if isinstance(found, Layer) else found
    steps = [probe.redraw() for _ in range(len(probe.step.flat) + 6)]
    moves = torch.stack([step.flat - steps[0].flat for step in steps])  # (draws, H*I + H*H + H)
    if all(probe.is_nothing(step.b) for step in steps):
        moves = moves[:, : -probe.hidden_size]  # a missing bias is not judged here
    if torch.linalg.svdvals(moves)[-1] < probe.tolerances.nothing:
        raise next(tied_entries(probe, steps))


def expect_shapes(student: Student, name: str, sizes: tuple[int, int], batch: int, time: int) -> None:
    """A layer `name(I, H)` answers x (B, T, I) with outputs (B, T, H) and h_n (1, B, H), with and without an h_0."""
    try:
        _expect_both_shapes(Layer(student, name, sizes, sizes, torch.float64), batch, time)
    except StudentRaised:
        _expect_both_shapes(Layer(student, name, sizes, sizes, torch.float32), batch, time)


def _expect_both_shapes(layer: Layer, batch: int, time: int) -> None:
    layer.probe.randomise()
    x, h_0 = layer.inputs(batch, time)
    layer(x, None)
    layer(x, h_0)


def expect_precision(layer: Layer, batch: int, time: int) -> None:
    """outputs and h_n have the precision of the parameters and of x, and one step is right within that precision."""
    hint = "Create new tensors in the dtype of x, for example with x.new_zeros(...)."
    probe = layer.probe
    for name, value in zip(("outputs", "h_n"), layer(*layer.inputs(batch, time)), strict=True):
        expect_shape(value, value.shape, name, dtype=probe.dtype, hint=hint)
    words = str(probe.dtype).removeprefix("torch.")
    expect(probe.error <= probe.tolerances.step, f"one step in {words} is off by {probe.error:.2g}", hint)


def expect_arguments_kept(layer: Layer, batch: int, time: int) -> None:
    """x and h_0 are not changed, also if h_0 is None."""
    x, h_0 = layer.inputs(batch, time)
    for given in (h_0, None):
        for changed in changed_arguments(layer, x, given):
            raise changed


def expect_zeros_without_state(layer: Layer) -> None:
    """The first step starts from zeros if h_0 is None."""
    x, outputs = layer.first_x, layer.first_outputs
    if far(outputs, layer.step.run(x), layer.tolerances.sequence):
        raise next(why_start(layer, x, outputs))


def expect_state_read(layer: Layer) -> None:
    """A given h_0 influences outputs."""
    hint = "Start from h_0[0] unless h_0 is None."
    expect(layer.probe.reads_state, "a given h_0 has no influence on outputs", hint)


def expect_equal_layer(layer: Layer, batch: int, time: int) -> None:
    """Outputs over this many steps equal the reference's. Other checks judge the initial state."""
    x, h_0 = layer.inputs(batch, time)
    outputs, _ = layer(x, h_0)
    start = layer.start(h_0)
    if far(outputs, layer.step.run(x, start), layer.tolerances.sequence):
        raise why_sequence(layer, x, start, outputs)


def expect_final_state(layer: Layer, batch: int, time: int) -> None:
    """h_n is the last state in outputs, and has the same gradients."""
    x, h_0 = layer.inputs(batch, time)
    outputs, h_n = layer(x, h_0)
    if far(h_n[0], outputs[:, -1], layer.tolerances.sequence):
        hint = "h_n is outputs[:, -1] with an axis for the layer in front."
        for what, wrong in wrong_final_states(outputs):
            if not far(h_n[0], wrong.expand_as(h_n[0]), layer.tolerances.sequence):
                raise Unmet(f"h_n holds {what}, not the state after the last step", hint)
        raise Unmet("h_n is not the last of the states in outputs", hint)
    direction = layer.probe.draw(*h_n.shape)
    last = torch.zeros_like(outputs)
    last[:, -1] = direction[0]
    found = layer.backward(x, h_0, of_h_n=direction)
    if found.is_cut:
        raise why_cut(layer, "h_n carries no gradient")
    wanted = backpropagated(layer, x, h_0, last).x
    expect_close(found.x, wanted, "the gradient of h_n", tolerance=layer.tolerances.gradient, hint=CUT)


def expect_equal_gradients(layer: Layer, batch: int, time: int, *, wrt: Literal["x", "h_0", "parameters"]) -> None:
    """Gradients of outputs with respect to x (from h_0 None), to h_0, or to every parameter equal the reference's."""
    x, given = layer.inputs(batch, time)
    cotangent = layer.probe.draw(batch, time, layer.hidden_size)
    gradients = backpropagated(layer, x, None if wrt == "x" else given, cotangent)
    deltas = layer.step.backward(gradients.outputs, cotangent)  # (B, T, H)
    if wrt == "parameters":
        wanted = layer.step.parameter_gradients(x, layer.start(given), gradients.outputs, cotangent)
        _expect_parameter_gradients(layer.probe, gradients.parameters, wanted)
    elif wrt == "h_0":
        if not bool(gradients.h_0.any()):
            raise why_cut(layer, "no gradient reaches h_0")
        of_h_0 = (deltas[:, :1] @ layer.step.U).transpose(0, 1)
        name, tolerance = "the gradient with respect to h_0", layer.tolerances.gradient
        expect_close(gradients.h_0, of_h_0, name, tolerance=tolerance, hint=CUT)
    elif far(gradients.x, deltas @ layer.step.W, layer.tolerances.gradient):
        raise next(why_gradient(layer, gradients, cotangent))


def expect_no_memory(layer: Layer, batch: int, time: int) -> None:
    """The same arguments give the same answer after another call, and the sizes of earlier calls do not matter."""
    x, h_0 = layer.inputs(batch, time)
    for given in (None, h_0):
        first, _ = layer(x, given)
        layer(layer.probe.draw(*x.shape), given)
        again, _ = layer(x, given)
        reason = "after another call, the same arguments give different outputs"
        hint = "Create a new initial state in forward: what is stored in self is kept between calls."
        expect(not far(again, first, layer.tolerances.step), reason, hint)
    layer(*layer.inputs(2, 3))


def _expect_parameter_gradients(probe: StepProbe, found: dict[str, Tensor], wanted: Tensor) -> None:
    """Each parameter's gradient follows from that of W, U and b (in one row) by the chain rule."""
    expect(len(found) > 0, "the module has no parameters", UNREGISTERED)
    for name, gradient in found.items():
        direction = probe.draw(*gradient.shape)
        parts = probe.slope(name, direction) * wanted
        error = abs(float((gradient.double() * direction).sum() - parts.sum()))
        if not error <= probe.tolerances.chain * float(parts.norm()) + probe.tolerances.gradient:
            which = "a wrong" if gradient.any() else "no"
            raise Unmet(f"{which} gradient reaches the parameter {name}", CUT)
