"""Shows in the report how a layer deviates from the recurrence: its outputs or gradients together with those of
`nn.RNN`.

The inputs are drawn for the report only, so they affect no verdict, and neither does an error here.
"""

from contextlib import contextmanager

import torch
from torch import Tensor

from grader import StudentRaised, Unmet
from grader.figures import Curve, Line, Mark
from grader.probes import recurrence

WINDOW = 24  # steps that a chart shows, where there are more
REFERENCE = "nn.RNN, same weights"


@contextmanager
def outputs_shown(student, layer, time, with_h_0=True):
    """Where an expectation fails, show where outputs deviate from the recurrence."""
    try:
        yield
    except Unmet:
        show_outputs(student, layer, time, with_h_0)
        raise


@contextmanager
def gradients_shown(student, layer, time):
    """Where an expectation fails, attach how far gradients flow back."""
    try:
        yield
    except Unmet:
        show_gradients(student, layer, time)
        raise


def show_outputs(student, layer, time, with_h_0=True):
    """Attach the first output that is wrong, over the steps around it, beside the reference and the law that fits."""
    x, h_0 = inputs(student, layer, 4, time)
    try:
        outputs = layer(x, h_0 if with_h_0 else None)[0].double()
    except (StudentRaised, Unmet):
        return
    start = layer.start(h_0) if with_h_0 else torch.zeros_like(h_0)
    step, law, fitting = explained(layer, x, start, outputs)
    wanted = step.run(x, h_0 if with_h_0 else None)
    error = (outputs - wanted).abs().nan_to_num(torch.inf)  # (B, T, H)
    steps_off = (error.amax((0, 2)) > layer.tolerances.sequence).nonzero()
    if not len(steps_off):
        return  # these inputs do not show it
    t = int(steps_off[0])
    row, unit = divmod(int(error[:, t].argmax()), layer.hidden_size)
    first = max(0, min(t - WINDOW // 4, time - WINDOW))
    shown = slice(first, first + WINDOW)
    steps = list(range(time))[shown]
    lines = [Line("your layer", steps, outputs[row, shown, unit]), Line(REFERENCE, steps, wanted[row, shown, unit])]
    found, right = (f"{float(states[row, t, unit]):.3g}" for states in (outputs, wanted))
    sentence = f"Step {t}, counted from 0, is the first that differs: there unit {unit} is {found}, "
    sentence += f"where nn.RNN with the same weights gives {right}."
    if fitting is not None:
        lines.append(Line("the law that fits", steps, fitting[row, shown, unit]))
        sentence += f" What fits your outputs: {law}."
    student.show(
        Curve(
            title=f"Where outputs deviate from the recurrence: unit {unit}",
            sentence=sentence,
            x_label="time step, from 0",
            y_label=f"output of unit {unit}",
            lines=lines,
            marks=[Mark(f"step {t}", t)],
        )
    )


def explained(layer, x, h_0, outputs):
    """The step (W, U, b) to compare with; if a known wrong law fits, its description and its states (B, T, H)."""
    probe = layer.probe
    if probe.error <= layer.tolerances.step:
        for law in recurrence.broken_laws(layer.step, x, h_0, outputs, layer.tolerances.sequence):
            return layer.step, law.reason, law.states(layer.step.run, x, h_0)
        return layer.step, "", None
    for name, step in recurrence.other_activations(probe.x, probe.h, probe.answer, layer.tolerances.step):
        return step, f"{name} where tanh belongs", step.run_with(recurrence.ACTIVATIONS[name][0], x, h_0)
    return layer.step, "", None


def show_gradients(student, layer, time):
    """Attach how large the gradient of the last output is with respect to each step of x, beside the reference."""
    x, _ = inputs(student, layer, 4, time)
    last = torch.zeros(4, time, layer.hidden_size, dtype=layer.probe.dtype)
    last[:, -1] = 1
    try:
        gradients = layer.backward(x, None, of_outputs=last)
    except (StudentRaised, Unmet):
        return
    if gradients.is_cut:
        return
    wanted = layer.step.backward(gradients.outputs, last) @ layer.step.W
    found, reference = (part.double().abs().mean((0, 2)) for part in (gradients.x, wanted))
    lost = (found == 0).nonzero().flatten().tolist()
    sentence = f"The gradient of the last output with respect to the input of each of {time} steps."
    if lost:
        sentence += f" Yours is zero at step {lost[-1]}, counted from 0: what came before cannot be learned from."
    student.show(
        Curve(
            title="How far gradients flow back",
            sentence=f"{sentence} That of nn.RNN shrinks on its way back, too, but is never cut.",
            x_label="time step, from 0",
            y_label="mean size of the gradient",
            lines=[Line("your layer", range(time), found), Line(REFERENCE, range(time), reference)],
            log_y=True,
        )
    )


def inputs(student, layer, batch: int, time: int) -> tuple[Tensor, Tensor]:
    """x (B, T, I) and h_0 (1, B, H) for a report."""
    generator = student.generator_for("showcase")
    shapes = (batch, time, layer.input_size), (1, batch, layer.hidden_size)
    x, h_0 = (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1 for shape in shapes)
    return x.to(layer.probe.dtype), h_0.to(layer.probe.dtype)
