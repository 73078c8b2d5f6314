"""Describes the result of a training, and the likeliest cause where it fell short."""

import math

from grader.authoring.task import LearningTask
from grader.learning.run import Run, in_words

FAR = 20
"""A learning rate this many times larger or smaller than the usual one is the first thing to fix."""
DECAY = 0.3
"""A weight decay above this leaves little of what was learned."""
EXPLODED = 100.0
"""A gradient norm above this counts as exploding."""
FADED = 1e-3
"""The gradient counts as vanishing if a smaller fraction than this arrives at the first steps."""


def summary(task: LearningTask, run: Run) -> str:
    """The result in one sentence."""
    end = "stopped early" if run.stopped else "the whole budget" if run.steps >= task.steps else "the recipe's end"
    if run.out_of_time:
        end = f"its steps are slow, and most of the {task.seconds:g} s for a training were used"
    if run.broke_at is not None:
        end = "the loss became NaN or infinite"
    bound = "less" if task.lower_is_better else "more"
    return (
        f"Its {task.metric} on {task.held_out} unseen examples is {in_words(run.score)} after {run.steps} of "
        f"{task.steps} steps ({end}); a trivial baseline scores {task.worst:.2g}, full marks need {task.best:g} or "
        f"{bound}."
    )


def measured_cause(task: LearningTask, run: Run) -> str | None:
    """The likeliest measured cause of a training run that fell short; None if nothing measured explains it."""
    if run.broke_at is not None or not math.isfinite(run.score):
        return _why_loss_broke(task, run)
    if (off := _wrong_learning_rate(task, run)) is not None:
        return off
    if run.recipe.weight_decay > DECAY:
        return (
            f"A weight decay of {run.recipe.weight_decay:g} pulls all weights towards zero: usual values are 0 to "
            "0.01. Leave `weight_decay` out of the recipe."
        )
    norms = [norm for norm in run.gradient_norms if norm is not None]
    if run.recipe.clip_norm is None and norms and max(norms) > EXPLODED:
        at = run.gradient_norms.index(max(norms)) + 1
        return (
            f"The gradients explode: their norm was {max(norms):.2g} at step {at}. Set `clip_norm` in the recipe, for "
            "example to 1.0."
        )
    if (task.worst - run.score) / (task.worst - task.best) < 0.1:
        return _why_nothing_learned(task, run)
    return None


def _wrong_learning_rate(task: LearningTask, run: Run) -> str | None:
    """What is wrong with the learning rate; None if it is near the usual one."""
    ratio = run.recipe.lr / task.lr
    if 1 / FAR <= ratio <= FAR:
        return None
    off = f"{ratio:,.0f} times larger: lower" if ratio > 1 else f"{1 / ratio:,.0f} times smaller: raise"
    return f"The learning rate {run.recipe.lr:g} is far from the usual {task.lr:g}, {off} `lr` in the recipe."


def _why_loss_broke(task: LearningTask, run: Run) -> str:
    """Why the loss became NaN or infinite, judging by the gradient norms before that."""
    step = run.broke_at or run.steps
    seen = f"The loss became NaN or infinite at step {step}."
    if (off := _wrong_learning_rate(task, run)) is not None:
        return f"{seen} {off}"
    before = [norm for norm in run.gradient_norms[: step - 1] if norm is not None]
    if before and max(before) > EXPLODED:
        at = run.gradient_norms.index(max(before)) + 1
        since = f"{before[0]:.2g} at step 1 and " if max(before) > 2 * before[0] else ""
        grew = f"{seen} The gradients explode: their norm was {since}{max(before):.2g} at step {at}."
        if run.recipe.clip_norm is None:
            return f"{grew} Clip them (`clip_norm` in the recipe), or lower `lr`."
        return f"{grew} Lower `lr`, or initialize the recurrent weights with smaller values."
    return (
        f"{seen} Look for a division by zero or a logarithm of zero; if there is none, lower the learning rate or clip "
        "the gradient."
    )


def _why_nothing_learned(task: LearningTask, run: Run) -> str:
    """Why a model scores no better than the trivial baseline."""
    found = run.symptoms
    if found is None:
        return task.stuck
    if found.unreached and found.is_cut:
        return (
            f"No gradient reaches {_steps_words(found.unreached, found.steps)}, though the answer depends on them: it "
            "is cut on the way back, by .detach(), .data, .item() or torch.no_grad()."
        )
    if found.unreached and len(found.unreached) == found.steps:
        return f"The answer does not depend on any step of the input. {task.stuck}"
    if found.unreached:
        return (
            f"The answer does not depend on {_steps_words(found.unreached, found.steps)}: is the sequence cut off, or "
            f"the state reset on the way? {task.stuck}"
        )
    if found.fading < FADED:
        return (
            f"The gradient vanishes on its way back: only {found.fading:.1g} of it is left at the first steps, so "
            f"they are forgotten. A plain tanh layer does this, and so does a gate that starts half open. {task.stuck}"
        )
    if found.constant is not None:
        return f"It answers {found.constant} for every input. {task.stuck}"
    return task.stuck


def _steps_words(unreached: tuple[int, ...], steps: int) -> str:
    count = len(unreached)
    if unreached == tuple(range(count)):
        return f"the first {count} of {steps} steps"
    if unreached == tuple(range(steps - count, steps)):
        return f"the last {count} of {steps} steps"
    return f"{count} of {steps} steps"


def still_improving(task: LearningTask, run: Run) -> str | None:
    """What to try if more steps would have helped, else None."""
    if run.out_of_time:
        return "Training is slow: try fewer hidden units, a smaller batch, or PyTorch's own layers instead of loops."
    halfway = run.curve[len(run.curve) // 2][1] if run.curve else task.nothing
    if abs(run.score - task.best) < 0.7 * abs(halfway - task.best):
        if run.steps < task.steps:
            return (
                f"It was still improving when the recipe ended, after {run.steps} of the {task.steps} steps "
                "allowed: ask for more `steps`."
            )
        return "It was still improving when the budget ended: a larger learning rate or another cell may get there."
    return None
