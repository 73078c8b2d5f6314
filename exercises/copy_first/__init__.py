"""Carry one number through a long sequence: at what length does a recurrent network start to forget?

The first value of each sequence is drawn from N(0, 1). All the others are noise, 0.1 * N(0, 1). The answer is
the first value. Always answering 0 gives a mean squared error of 1. Nothing has to be computed: the number has
to survive all the steps in between, and the gradient has to find it across them.

Hand in `copy_first.py` with

- `class CopyFirstModel(nn.Module)`: `CopyFirstModel(hidden_size)` builds the model, and `forward(x)` takes `x` of
  shape `(B, T, 1)` (batch, time steps, one feature) and returns one answer for each sequence, as `(B, 1)` or
  `(B,)`, for every batch size and length. PyTorch's recurrent layers are allowed, and so is a cell of your own.

`CopyFirstModel(32)` is trained from scratch at each of the lengths 10, 30, 50 and 100, without knowing which one it is.
Each time it gets fresh batches for at most 1000 optimizer steps on the mean squared error, and is then tested on
sequences it has never seen. A length is tried only if something was learned at the one before. If the model needs a
recipe other than the default, define one:

    class CopyFirstModel(nn.Module):
        recipe = {"optimizer": "adam", "lr": 1e-2, "clip_norm": 1.0, "batch_size": 32}  # these are the defaults

What to expect: a plain tanh network learns 10 steps, and fails at 30 or 50, depending on chance. PyTorch's gated
layers, with their default initialization, forget *earlier* than that, despite their reputation: at 30 steps an LSTM
learns nothing, and a GRU rarely anything. Their gates start half open, so each step halves the state, and there are no
shorter examples here from which they could learn to keep it. The remedy is an initialization that remembers:

- in a gated cell, a bias for the gate that keeps the state (the update gate of a GRU, the forget gate of an LSTM),
  spread evenly from 0 to log(100) over the hidden units: then some of them forget after a step or two, and others
  after a hundred. In an LSTM, give the input gate the opposite bias. Note that PyTorch's layers add *two* biases.
- or a ReLU network whose recurrent weights start as the identity matrix. It needs a smaller learning rate, or one
  that decays, and at 100 steps it sometimes fails.

This is an exercise about memory: the answer comes from a state that is carried along the sequence step by
step, and gradients reach the first step. Picking out the first value, or attention over the raw sequence, without
any recurrent step, earns no points for learning, and neither does a model that knows the answer before it is
trained. A network that reads the sequence backwards, or both ways, sees the first value last and has nothing to
remember: read from the first step to the last. The model must keep nothing from one call to the next.
"""

import torch

from grader import Exercise, LearningTask, expect, scores, sweep
from grader.probes import answers, sequence_model

exercise = Exercise("copy_first", title="Copy the first value", statement=__doc__, names=("CopyFirstModel",))

FORGETS = (
    "A gate that starts half open halves the state at every step. Let the gate that keeps the state start with a bias, "
    "spread from 0 to log(100) over the hidden units; or let the recurrent weights of a ReLU network start as the "
    "identity."
)
LOST = "Nothing is left of the first value, or its gradient is cut on the way."
NOISE = "What adds up or averages the steps keeps their noise. Let a gate, or learned weights, write only what counts."
FIRST = "The first value must arrive as it is: take no sign of the input, and do not scale or clip it."


def draw(count, generator, steps):
    """Sequences (B, T, 1) whose first value is loud and whose others are noise, and the first values (B, 1)."""
    x = 0.1 * torch.randn(count, steps, 1, generator=generator)
    x[:, 0] *= 10
    return (x,), x[:, 0].clone()


def task_at(steps):
    """The same task at each length of the sweep.

    Measured: LSTM, GRU and a custom cell, with biased gates, and a ReLU network end at 0.005..0.017 at every length,
    except for one training in 25 of the LSTM and of the ReLU network at 100 steps, which learned nothing. A model that
    remembers only the sign, as several wrong programs do, ends at 1 - 2 / pi = 0.36; one that remembers nothing, at 1.
    """
    return LearningTask(
        model="CopyFirstModel",
        arguments=(32,),
        draw=lambda count, generator: draw(count, generator, steps),
        score=scores.mean_squared_error,
        metric="mean squared error",
        best=0.03,
        half=0.1,
        zero=0.25,
        worst=1.0,
        stop=0.012,
        unusual=1e-4,  # a thirtieth of the best reference ever measured
        steps=1000,
        lr=1e-2,
        batch_size=32,
        setting=f"at {steps} steps",
        stuck=LearningTask.stuck if steps == 10 else f"{LOST} {FORGETS}",
    )


model_checks = sequence_model(
    exercise,
    "CopyFirstModel",
    (32,),
    draw,
    points={"shapes": 0.5, "recurrence": 0.5, "any_value": 0.5, "gradients": 1, "repeatable": 0.5},
    promises={
        "any_value": "The answer can be negative, and beyond 1, as the values are.",
        "gradients": "Gradients flow back from the answer to every step, and so to the first.",
    },
)


def observers(steps, generator):
    """Observers of each trained model: how its answers change with the first value, and with the noise."""
    (x,), _ = draw(2000, generator, steps)
    (redrawn,), _ = draw(2000, generator, steps)
    (longer,), _ = draw(256, generator, steps + 10)
    first = torch.zeros(steps + 10, 1)
    first[0] = 1.0
    redrawn[:, 0] = x[:, 0]

    def moves(model, one, other):
        return answers(model, other) - answers(model, one)

    return {
        "shift": lambda model: float(moves(model, x, x + 0.5 * first[:steps]).mean()),
        "noise": lambda model: float(moves(model, x, redrawn).abs().mean()),
        "longer": lambda model: float(moves(model, longer, longer * (1 - 2 * first)).abs().mean()),
    }


@sweep(
    exercise,
    {steps: task_at(steps) for steps in (10, 30, 50, 100)},
    # a tanh network ends anywhere from 0.003 to 0.95 at 30 and at 50 steps, by chance: few points depend on these two
    points={10: 2, 30: 0.5, 50: 0.5, 100: 3},
    needs=(model_checks["any_value"], model_checks["gradients"]),
    observe=observers,
    aim="remembers the first value",
)
def length(steps, learned):
    """Trained on sequences of {steps} steps, the model gives the first value of new ones."""
    verdict = learned.judge(FIRST if steps == 10 else FORGETS)
    otherwise = f"its answers to sequences of {steps + 10} do not depend on the first value"
    # measured: 0.1 and more; no more is asked, since a tanh network may well answer with the wrong sign there
    learned.expect_generalises(steps, otherwise, more_than=0.001)
    return verdict


@exercise.check(points=1, needs=length.checks[10])
def follows_first(student):
    """Trained on 10 steps, the answer moves with the first value, and stays when the noise is resampled."""
    learned = student.learned(length.checks[10])
    shift, noise = learned.observed("shift"), learned.observed("noise")
    reason = f"where the first value grows by 0.5, the answer grows by {shift:.2f} on average"
    expect(0.38 < shift < 0.62, reason, FIRST)  # measured: 0.46..0.53; 0.27..0.31 where only the sign arrives
    reason = f"resampling the noise changes the answer by {noise:.2f} on average"
    expect(noise < 0.2, reason, NOISE)  # measured: 0.02..0.13; 0.28..0.35 where all steps are added up
