"""Behaviour probes: checks of a model's behaviour that its score does not show."""

from grader.grading.model import FUSED_RECURRENT, Trace, Vjp, recurrent
from grader.probes import recurrence
from grader.probes.recurrence.probe import StepProbe
from grader.probes.recurrence.recognise import recognise
from grader.probes.sequence import (
    answers,
    are_probabilities,
    expect_column,
    expect_every_step_reached,
    expect_numbers,
    expect_real,
    expect_recurrent_step,
    expect_repeatable,
    expect_uniform,
    gradient_by_step,
    input_gradient,
    near,
)
from grader.probes.sequence_model import sequence_model
from grader.probes.untrained import expect_unbounded, redraw_parameters, shake_parameters, untrained

__all__ = [
    "FUSED_RECURRENT",
    "StepProbe",
    "Trace",
    "Vjp",
    "answers",
    "are_probabilities",
    "expect_column",
    "expect_every_step_reached",
    "expect_numbers",
    "expect_real",
    "expect_recurrent_step",
    "expect_repeatable",
    "expect_unbounded",
    "expect_uniform",
    "gradient_by_step",
    "input_gradient",
    "near",
    "recognise",
    "recurrence",
    "recurrent",
    "redraw_parameters",
    "sequence_model",
    "shake_parameters",
    "untrained",
]
