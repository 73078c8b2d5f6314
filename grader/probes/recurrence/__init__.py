"""Recognises a recurrent layer or cell from its answers: solves for W, U and b, however the parameters are laid out.

`recognise` comes first; each `expect_...` is the promise of a check; all of them use `StepProbe`.
"""

from grader.probes.recurrence.differentiable import Differentiable
from grader.probes.recurrence.expecting import (
    expect_arguments_kept,
    expect_bias,
    expect_equal_gradients,
    expect_equal_layer,
    expect_final_state,
    expect_free_weights,
    expect_no_memory,
    expect_precision,
    expect_same_law,
    expect_shapes,
    expect_state_read,
    expect_step,
    expect_zeros_without_state,
)
from grader.probes.recurrence.laws import LAW, broken_laws
from grader.probes.recurrence.layer import Gradients, Layer
from grader.probes.recurrence.probe import StepGradients, StepProbe, Tolerances, Words
from grader.probes.recurrence.recognise import recognise
from grader.probes.recurrence.scratch import expect_from_scratch
from grader.probes.recurrence.step import ACTIVATIONS, Step, far, features, fit, other_activations, solve

__all__ = [
    "ACTIVATIONS",
    "LAW",
    "Differentiable",
    "Gradients",
    "Layer",
    "Step",
    "StepGradients",
    "StepProbe",
    "Tolerances",
    "Words",
    "broken_laws",
    "expect_arguments_kept",
    "expect_bias",
    "expect_equal_gradients",
    "expect_equal_layer",
    "expect_final_state",
    "expect_free_weights",
    "expect_from_scratch",
    "expect_no_memory",
    "expect_precision",
    "expect_same_law",
    "expect_shapes",
    "expect_state_read",
    "expect_step",
    "expect_zeros_without_state",
    "far",
    "features",
    "fit",
    "other_activations",
    "recognise",
    "solve",
]
