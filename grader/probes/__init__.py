"""What a check may ask of a model: behaviour that a score cannot see."""

from grader.grading.model import FUSED_RECURRENT, Trace, Vjp, recurrent
from grader.probes import recurrence
from grader.probes.recurrence.probe import StepProbe
from grader.probes.recurrence.recognise import recognise
from grader.probes.sequence import (
    expect_column,
    expect_every_step_reached,
    expect_real,
    expect_recurrent_step,
    expect_repeatable,
    input_gradient,
    near,
)

__all__ = [
    "FUSED_RECURRENT",
    "StepProbe",
    "Trace",
    "Vjp",
    "expect_column",
    "expect_every_step_reached",
    "expect_real",
    "expect_recurrent_step",
    "expect_repeatable",
    "input_gradient",
    "near",
    "recognise",
    "recurrence",
    "recurrent",
]
