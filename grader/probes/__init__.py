"""What a check may ask of a model: behaviour that a score cannot see."""

from grader.grading.model import FUSED_RECURRENT, Trace, Vjp, recurrent
from grader.probes.sequence import (
    expect_column,
    expect_every_step_reached,
    expect_real,
    expect_recurrent_step,
    expect_repeatable,
    input_gradient,
    near,
)
from grader.probes.untrained import redraw_parameters, shake_parameters, untrained

__all__ = [
    "FUSED_RECURRENT",
    "Trace",
    "Vjp",
    "expect_column",
    "expect_every_step_reached",
    "expect_real",
    "expect_recurrent_step",
    "expect_repeatable",
    "input_gradient",
    "near",
    "recurrent",
    "redraw_parameters",
    "shake_parameters",
    "untrained",
]
