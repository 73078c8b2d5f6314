"""Declares the checks shared by all models that read sequences and give one answer for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from grader.authoring.exercise import About, CheckFunction, Exercise
from grader.grading.model import Model
from grader.grading.student import Student
from grader.probes.sequence import (
    expect_column,
    expect_every_step_reached,
    expect_recurrent_step,
    expect_repeatable,
)
from grader.probes.untrained import expect_unbounded, untrained

SequenceDraw = Callable[[int, torch.Generator, int], tuple[tuple[torch.Tensor, ...], torch.Tensor]]
"""Takes a number of sequences, a generator and a number of time steps, at least 1; returns inputs and targets, both
batch first."""
LAST_STATE = "One number for each sequence, read off the last state: outputs[:, -1]."


@dataclass(frozen=True)
class _Target:
    """The model under test, and how to draw sequences for it."""

    name: str
    arguments: tuple[Any, ...]
    draw: SequenceDraw
    steps: int

    def build(self, student: Student) -> Model:
        return student.build(self.name, *self.arguments)

    def inputs(self, student: Student, count: int, steps: int) -> tuple[torch.Tensor, ...]:
        return self.draw(count, student.generator, steps)[0]


def _shapes(target: _Target, student: Student) -> None:
    """{name} gives one answer for each sequence, whatever the batch size and length."""
    model = target.build(student)
    for count, steps in ((4, target.steps), (1, 7), (5, 120), (2, 1)):
        inputs = target.inputs(student, count, steps)
        expect_column(model(*inputs), count, f"the answer to x of shape {tuple(inputs[0].shape)}", LAST_STATE)


def _recurrence(target: _Target, student: Student) -> None:
    """A recurrent step carries a state along the sequence."""
    model = target.build(student)
    short, long = (target.inputs(student, 4, steps) for steps in (6, target.steps))
    expect_recurrent_step(student, model, short, long)


def _any_value(target: _Target, student: Student) -> None:
    """The answer can be any number: below -1, and beyond 1."""
    inputs = target.inputs(student, 64, 10)  # enough for answers on both sides
    expect_unbounded(target.build(student), inputs, student.generator)


def _gradients(target: _Target, student: Student) -> None:
    """Gradients flow back from the answer to every step."""
    inputs = target.inputs(student, 64, 30)
    model = untrained(student, target.name, *target.arguments, inputs=inputs)
    expect_every_step_reached(model, *inputs)


def _repeatable(target: _Target, student: Student) -> None:
    """In evaluation mode, the answer depends on its sequence alone: not on chance, earlier calls or neighbours."""
    model = target.build(student)
    expect_repeatable(
        model, *target.inputs(student, 8, 2)
    )  # so short that a state kept from the previous call still shows


_SHARED = {
    "shapes": (_shapes, None),
    "recurrence": (_recurrence, "shapes"),
    "any_value": (_any_value, "recurrence"),
    "gradients": (_gradients, "recurrence"),
    "repeatable": (_repeatable, "gradients"),
}
"""The checks in the order of their declaration, each with the one it needs."""


def sequence_model(
    exercise: Exercise,
    name: str,
    arguments: tuple[Any, ...],
    draw: SequenceDraw,
    *,
    points: Mapping[str, float],
    promises: Mapping[str, str] | None = None,
    own: Mapping[str, CheckFunction] | None = None,
    about: Mapping[str, About] | None = None,
    steps: int = 50,
) -> dict[str, CheckFunction]:
    """Declare the checks of an untrained model that reads x (B, T, F) and answers each sequence by one number.

    These are, in this order, *shapes* (for every batch size and length), *recurrence* (a recurrent step runs; needs
    shapes), *any_value* (no answer is squashed) and *gradients* (they reach every step; both need recurrence) and
    *repeatable* (no chance, memory or neighbours; needs gradients). If a needed check is not
    declared, what that one needs is needed instead.

    Args:
        exercise: the exercise that gets the checks.
        name: the name of the model's class.
        arguments: the arguments of its constructor.
        draw: `draw(count, generator, steps)` -> inputs `(x,)` and targets, for lengths from 1 on.
        points: points by check; checks that are not named are not declared.
        promises: promises that replace the default ones.
        own: the exercise's own checks that replace shared ones; they keep their names and docstrings.
        about: the `about` of `Exercise.check`, by check.
        steps: the usual length of a sequence.

    Returns the checks by the names above, for `needs=`. Raises `ValueError` for an unknown name.
    """
    promises, own, about = promises or {}, own or {}, about or {}
    for key in (*points, *promises, *own, *about):
        if key not in _SHARED:
            raise ValueError(f"{exercise.id}: a sequence model has no check '{key}'; there are {', '.join(_SHARED)}")
    target, declared = _Target(name, arguments, draw, steps), dict[str, CheckFunction]()
    for key, (ask, _) in _SHARED.items():
        if key in points:
            check = own[key] if key in own else _check(key, ask, target, promises.get(key))
            needs = _nearest_need(key, declared)
            declared[key] = exercise.check(points=points[key], needs=needs, about=about.get(key))(check)
    return declared


def _nearest_need(key: str, declared: Mapping[str, CheckFunction]) -> list[CheckFunction]:
    """The nearest declared check that this one needs, directly or indirectly."""
    need = _SHARED[key][1]
    while need is not None and need not in declared:
        need = _SHARED[need][1]
    return [] if need is None else [declared[need]]


def _check(key: str, ask: Callable[[_Target, Student], None], target: _Target, promise: str | None) -> CheckFunction:
    """A check with a name and a docstring as if an exercise had defined it."""

    def check(student: Student) -> None:
        ask(target, student)

    check.__name__ = check.__qualname__ = key
    check.__doc__ = promise or (ask.__doc__ or "").replace("{name}", target.name)
    return check
