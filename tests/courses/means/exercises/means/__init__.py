"""Learn ten times the mean of four numbers.

`Model()` makes the model, and `forward(x)` returns one number for each row of `x`, of shape `(B, 4)`.
"""

import torch

from grader import Exercise, LearningTask, expect_shape, learn

exercise = Exercise("means", title="Means", statement=__doc__, names=("Model",))


def draw(count, generator):
    x = torch.rand(count, 4, generator=generator)
    return (x,), 10 * x.mean(1, keepdim=True)


def squared_error(answers, targets):
    return float((answers - targets).square().mean())


TASK = LearningTask(
    model="Model",
    arguments=(),
    draw=draw,
    score=squared_error,
    metric="mean squared error",
    best=0.3,
    half=0.5,
    zero=3.0,
    worst=6.0,
    stop=0.001,
    steps=200,
    lr=0.1,
    batch_size=16,
    every=40,
)


@exercise.check(points=1)
def shapes(student):
    """Gives one number."""
    expect_shape(student.build("Model")(torch.zeros(2, 4)), (2, 1), "forward(x)")


@exercise.check(points=2, needs=shapes, task=TASK)
def learns(student):
    """Learns the mean."""
    return learn(student, TASK).judge()
