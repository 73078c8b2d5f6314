"""A sweep on real, small trainings: its checks, where it ends, what it shows, and what is asked of longer sequences."""

import math
import re

import pytest
import torch

from grader import Exercise, LearningTask, Unmet, scores, sweep
from grader.course.calibration import Calibration, Row
from grader.grading.grading import grade
from grader.grading.listener import Listener
from grader.intake.staging import stage, unstage
from grader.learning.learned import Learned
from grader.learning.run import Run
from grader.records.limits import Limits

LENGTHS = (2, 4, 6)
MODEL = """\
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, x):
        if x.shape[1] > {length}:
            return self.layer(x[:, -1])
        if x.shape[1] == {noisy}:
            return self.layer(x[:, 0]) + 0.5 * torch.randn(len(x), 1)
        return self.layer(x[:, 0])
"""
"""Learns the first value of sequences up to a length, and knows nothing of longer ones."""


def task_at(steps):
    def draw(count, generator):
        x = torch.randn(count, steps, 1, generator=generator)
        return (x,), x[:, 0]

    return LearningTask(
        model="Model",
        arguments=(),
        draw=draw,
        score=scores.mean_squared_error,
        metric="mean squared error",
        best=0.1,
        half=0.2,
        zero=0.5,
        worst=1.0,
        stop=0.05,
        steps=100,
        lr=0.1,
        batch_size=32,
        every=50,
        held_out=200,
        setting=f"at {steps} steps",
    )


def exercise_of(seen):
    """The sweep, behind one check and before another; `seen` gets what was learned there, by length."""
    exercise = Exercise("task", title="A task", statement="", names=("Model",))

    @exercise.check(points=1)
    def builds(student):
        """It can be built."""
        student.build("Model")

    def observe(steps, generator):
        x = torch.randn(8, steps, 1, generator=generator)
        return {"answers": lambda model: model.predict(x)}

    points = {2: 1, 4: 2, 6: 3}
    tasks = {steps: task_at(steps) for steps in LENGTHS}

    @sweep(exercise, tasks, points=points, needs=[builds], observe=observe, aim="remembers", about={6: "idea"})
    def length(steps, learned):
        """It learns {steps} steps."""
        seen[steps] = learned
        return learned.judge()

    @exercise.check(points=1, needs=length.checks[2])
    def looks(student):
        """It is looked at, once trained."""
        seen["looked"] = student.learned(length.checks[2])

    return exercise


@pytest.fixture
def swept(submission, zygote, course, isolation):
    """Grade a model that learns sequences up to a length."""
    zygote.prepare_training()

    def run(longest, calibrations=None, noisy=0):
        seen, figures, faults = {}, [], []
        listener = Listener(internal_error=faults.append, figure=lambda _, figure: figures.append(figure))
        staged = stage(submission({"task.py": MODEL.format(length=longest, noisy=noisy)}), zygote, Limits())
        try:
            result = grade(
                staged,
                [exercise_of(seen)],
                course,
                zygote,
                level=isolation.level,
                seed=1,
                listener=listener,
                calibrations=calibrations or {},
            )
        finally:
            unstage(staged, zygote)
        assert faults == []
        return " ".join(check.status for check in result.exercises[0].checks), seen, figures

    return run


def test_checks_are_declared_shorter_ones_first_each_in_need_of_the_one_before():
    found = [(check.id, check.promise, check.points, check.needs) for check in exercise_of({}).checks[1:]]
    assert found == [
        ("length_2", "It learns 2 steps.", 1, ("builds",)),
        ("length_4", "It learns 4 steps.", 2, ("length_2",)),
        ("length_6", "It learns 6 steps.", 3, ("length_4",)),
        ("looks", "It is looked at, once trained.", 1, ("length_2",)),
    ]
    assert all(check.task is not None for check in exercise_of({}).checks[1:4])
    assert [check.about for check in exercise_of({}).checks[1:4]] == [None, None, "idea"]
    # a calibration's hash follows the data of the module that a check is of
    assert {check.run.__module__ for check in exercise_of({}).checks} == {__name__}


def test_points_are_given_for_each_length():
    exercise = Exercise("task", title="A task", statement="", names=("Model",))
    with pytest.raises(
        ValueError, match=r"task: a sweep over \[2\] steps needs points for the same lengths, found \[3\]"
    ):
        sweep(exercise, {2: task_at(2)}, points={3: 1}, needs=[], observe=lambda steps, generator: {}, aim="remembers")


def test_what_is_learned_at_every_length_is_shown_at_the_last(swept):
    statuses, seen, figures = swept(6)
    assert statuses == "passed passed passed passed passed"
    assert seen["looked"] is seen[2]
    assert [figure.title for figure in figures] == [
        "Error by length of the sequence",
        "Gradient of the answer with respect to each input at 6 steps",
        "Learning curve at 6 steps",
        "Gradient norm at 6 steps",
    ]
    assert figures[0].sentence == "It remembers at every length, up to 6 steps."
    assert figures[0].lines[0].x == [2, 4, 6]
    assert [level.y for level in figures[0].levels] == [1.0, 0.1]
    assert figures[1].lines[0].y[0] > 0
    assert figures[1].lines[0].y[1:] == [0.0] * 5


def test_a_sweep_ends_where_nothing_is_learned_any_more_and_shows_that(swept):
    statuses, seen, figures = swept(2)
    assert statuses == "passed passed failed skipped passed"
    assert set(seen) == {2, 4, "looked"}
    assert re.fullmatch(
        r"It starts to fail at 4 steps: its error there is [01]\.?\d*; a trivial baseline scores 1\. "
        r"Longer sequences were not tried\.",
        figures[0].sentence,
    )
    assert figures[0].lines[0].x == [2, 4]
    assert [figure.title.endswith("at 4 steps") for figure in figures] == [False, True, True, True]


def test_the_training_is_shown_where_it_starts_to_fail_and_there_alone(swept):
    statuses, _, figures = swept(6, noisy=4)
    assert statuses == "passed passed partial passed passed"
    assert [figure.title.endswith("at 4 steps") for figure in figures] == [True, True, True, False]
    assert figures[3].sentence.startswith("It starts to fail at 4 steps: its error there is 0.2")


def test_references_stand_beside_it_where_they_were_measured(swept):
    rows = [Row("reference-lstm", seed, 0, 0.02, 50, []) for seed in range(3)]
    known = Calibration("task", "length_4", "cpu", rows, lambda: task_at(4))
    _, _, figures = swept(2, {("task", "length_4"): known})
    assert [(line.name, line.x, line.y) for line in figures[0].lines[1:]] == [("reference: lstm", [4], [0.02])]


def learned_with(seen):
    task = task_at(10)
    run = Run(task.recipe, 1.0, observations={"longer": seen})
    return Learned(task, run, [run])


def test_longer_sequences_are_asked_about():
    learned_with(0.6).expect_generalises(10, "it says nothing about 20", more_than=0.5)
    for seen in (0.5, 0.1, -1.0, math.nan):
        with pytest.raises(Unmet, match="trained on 10 steps, it says nothing about 20") as unmet:
            learned_with(seen).expect_generalises(10, "it says nothing about 20", more_than=0.5)
        assert unmet.value.hint == "Nothing in the model may be made for one length."
    with pytest.raises(Unmet, match="no tensor"):
        learned_with(Unmet("no tensor")).expect_generalises(10, "", more_than=0.5)
