"""A student with a small model, for whatever is asked of it."""

import textwrap

import pytest

from grader import Exercise
from grader.grading.attempt import Attempt
from grader.grading.listener import Listener
from grader.grading.student import Student
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits


@pytest.fixture
def student(submission, zygote):
    """A student whose model answers x (B, T, 2) as the source says; `init` adds to its layers."""
    attempts = []

    def make(answer, init="pass"):
        source = f"""\
import torch
from torch import nn

class Model(nn.Module):
    built = False

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(2, 4, batch_first=True)
        self.layer = nn.Linear(4, 1)
        self.wide = nn.Linear(2, 1)
        self.calls = 0
        {init}

    def forward(self, x):
        self.calls += 1
{textwrap.indent(answer if "return" in answer else f"return {answer}", " " * 8)}

    def other(self, x):
        return self(x) + torch.rand(len(x), 1)
"""
        staged = stage(submission({"task.py": source}), zygote, Limits())
        exercise = Exercise("task", title="A task", statement="", names=("Model",))
        attempt = Attempt(zygote, staged, exercise, Limits(), 1, Listener())
        attempts.append((attempt, staged))
        attempt.load()
        return Student(attempt, "probe")

    yield make
    for attempt, staged in attempts:
        attempt.close()
        unstage(staged, zygote)
