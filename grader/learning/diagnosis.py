"""What a training came to, and why it fell short, in words: from what was measured, the likeliest cause first."""

import math

from grader.authoring.task import LearningTask
from grader.learning.run import Run, in_words

FAR = 20
"""Learning rates so many times larger or smaller than the usual one are the first thing to mend."""
DECAY = 0.3
"""Weight decays beyond this leave little of what is learned."""
EXPLODED = 100.0
"""Norms of a gradient beyond this are no longer those of a training that goes well."""
FADED = 1e-3
"""The part of a gradient that arrives at the first steps, below which these are as good as forgotten."""


def sentence(task: LearningTask, run: Run) -> str:
    """What was reached, in one sentence."""
    end = "stopped early" if run.stopped else "the whole budget" if run.steps >= task.steps else "the recipe's end"
    if run.out_of_time:
        end = f"its steps are slow, and the {task.seconds:g} s for a training were nearly spent"
    if run.broke_at is not None:
        end = "the loss was no longer a number"
    bound = "less" if task.lower_is_better else "more"
    return (
        f"Its {task.metric} on {task.held_out} unseen examples is {in_words(run.score)} after {run.steps} of "
        f"{task.steps} steps ({end}); knowing nothing scores {task.worst:.2g}, full marks need {task.best:g} or "
        f"{bound}."
    )


def measured(task: LearningTask, run: Run) -> str | None:
    """What the measurements say about a training that fell short, the likeliest first; None where they are silent."""
    if run.broke_at is not None or not math.isfinite(run.score):
        return _of_a_broken_loss(task, run)
    if (off := _rate(task, run)) is not None:
        return off
    if run.recipe.weight_decay > DECAY:
        return (
            f"The weight decay of {run.recipe.weight_decay:g} pulls all weights to zero: usual are 0 to 0.01. Leave "
            "`weight_decay` out of the recipe."
        )
    norms = [norm for norm in run.gradient_norms if norm is not None]
    if run.recipe.clip_norm is None and norms and max(norms) > EXPLODED:
        at = run.gradient_norms.index(max(norms)) + 1
        return (
            f"The gradients explode: the gradient grew to a norm of {max(norms):.2g} at step {at}. Set `clip_norm` in "
            "the recipe, to 1.0 for example."
        )
    if (task.worst - run.score) / (task.worst - task.best) < 0.1:
        return _of_nothing_learned(task, run)
    return None


def _rate(task: LearningTask, run: Run) -> str | None:
    """What is wrong with the learning rate, where it is far off."""
    ratio = run.recipe.lr / task.lr
    if 1 / FAR <= ratio <= FAR:
        return None
    off = f"{ratio:,.0f} times larger: lower" if ratio > 1 else f"{1 / ratio:,.0f} times smaller: raise"
    return f"The learning rate {run.recipe.lr:g} is far from the usual {task.lr:g}, {off} `lr` in the recipe."


def _of_a_broken_loss(task: LearningTask, run: Run) -> str:
    """Why the loss stopped being a number: by the norms of the gradient before that."""
    step = run.broke_at or run.steps
    seen = f"The loss became NaN or infinite at step {step}."
    if (off := _rate(task, run)) is not None:
        return f"{seen} {off}"
    before = [norm for norm in run.gradient_norms[: step - 1] if norm is not None]
    if before and max(before) > EXPLODED:
        at = run.gradient_norms.index(max(before)) + 1
        since = f"{before[0]:.2g} at step 1 and " if max(before) > 2 * before[0] else ""
        grew = f"{seen} The gradients explode: their norm was {since}{max(before):.2g} at step {at}."
        if run.recipe.clip_norm is None:
            return f"{grew} Clip them (`clip_norm` in the recipe), or lower `lr`."
        return f"{grew} Lower `lr`, or let the recurrent weights start smaller."
    return f"{seen} Look for a division or a logarithm of zero; else lower the learning rate, or clip the gradient."


def _of_nothing_learned(task: LearningTask, run: Run) -> str:
    """What a model does that knows no more than nothing."""
    found = run.symptoms
    if found is None:
        return task.stuck
    if found.unreached and found.is_cut:
        return (
            f"No gradient reaches {_which(found.unreached, found.steps)}, though the answer depends on them: it is cut "
            "on the way, by .detach(), .data, .item() or torch.no_grad()."
        )
    if found.unreached and len(found.unreached) == found.steps:
        return f"The answer does not depend on the input, not on any of its steps. {task.stuck}"
    if found.unreached:
        return (
            f"The answer does not depend on {_which(found.unreached, found.steps)}: is the sequence cut off, or the "
            f"state made anew on the way? {task.stuck}"
        )
    if found.fading < FADED:
        return (
            f"The gradient vanishes on its way back: at the first steps {found.fading:.1g} of it is left, so what "
            f"happened there is forgotten. A plain tanh layer does that, and a gate that starts half open. {task.stuck}"
        )
    if found.constant is not None:
        return f"It answers {found.constant}, whatever the input. {task.stuck}"
    return task.stuck


def _which(unreached: tuple[int, ...], steps: int) -> str:
    count = len(unreached)
    if unreached == tuple(range(count)):
        return f"the first {count} of {steps} steps"
    if unreached == tuple(range(steps - count, steps)):
        return f"the last {count} of {steps} steps"
    return f"{count} of {steps} steps"


def still_improving(task: LearningTask, run: Run) -> str | None:
    """What to try where more steps would have helped; None where they would not."""
    if run.out_of_time:
        return "Its steps are slow: fewer hidden units, a smaller batch, or PyTorch's own layers in place of loops."
    halfway = run.curve[len(run.curve) // 2][1] if run.curve else task.nothing
    if abs(run.score - task.best) < 0.7 * abs(halfway - task.best):
        if run.steps < task.steps:
            return (
                f"It was still improving when the recipe ended, after {run.steps} of the {task.steps} steps that it "
                "may take: ask for more `steps`."
            )
        return "It was still improving when the budget ended: a larger learning rate or another cell may get there."
    return None
