"""The policy of learning checks, written once: seeds, probe set, early stop, held-out set, median of three.

A model is trained in chunks in the jail, on data drawn here. After each chunk its predictions on a small probe set are
scored here, and training stops once they pass the full-mark line with slack. The held-out set alone decides the share:
of the stopped or final model, never of the best one seen. Full marks on the first seed end it; otherwise two more seeds
run and the median share counts. So good work is cheap, an unlucky seed is not punished, and luck on the probe set does
not pass.
"""

import math
import time
from collections.abc import Iterator, Mapping

import torch

from grader.evidence import show_run
from grader.expectations import Unmet, describe
from grader.recipe import read_recipe
from grader.student import RemoteModel, Student
from grader.task import Learned, LearningTask, Run, sentence

SEEDS = 3


def learn(
    student: Student, task: LearningTask, probes: Mapping[str, tuple[torch.Tensor, ...]] | None = None
) -> Learned:
    """Train a student's model by the policy and judge it on held-out data.

    `probes` are inputs on which the counted model's predictions are kept, for behaviour checks. Raises `BadRecipe`,
    `Unmet` (and a flag) for a model that was perfect before training or that no training changed, and whatever the
    student's code raises.
    """
    runs = [train(student, task, 0, probes or {})]
    if runs[0].share < 1:
        runs += [train(student, task, number, probes or {}) for number in range(1, SEEDS)]
    if not any(run.moved for run in runs):
        student.flag("parameters-unchanged")
        raise Unmet(
            "training changed none of its parameters",
            "Does the output depend on the layers? Are they attributes of the module, and not detached?",
        )
    counted = sorted(runs, key=lambda run: run.share)[len(runs) // 2]
    for figure in show_run(task, counted, sentence(task, counted), student.band()):
        student.show(figure)
    return Learned(task, counted, runs)


def train(student: Student, task: LearningTask, number: int, probes: Mapping[str, tuple[torch.Tensor, ...]]) -> Run:
    """One training in a fresh worker; `number` tells the seeds of one submission apart.

    What it leaves behind, however it ends, nothing else meets.
    """
    student.restart(f"learn/{number}")
    try:
        return _trained(student, task, number, probes)
    finally:
        student.restart(f"after learn/{number}")


def _trained(student: Student, task: LearningTask, number: int, probes: Mapping[str, tuple[torch.Tensor, ...]]) -> Run:
    recipe = read_recipe(student.attribute(task.model, "recipe"), task.recipe)
    model = student.build(task.model, *task.arguments)
    deadline = time.monotonic() + task.seconds
    held_out = task.draw(task.held_out, student.generator_for("learn/held-out"))
    run = Run(recipe, _score(model, task, held_out, deadline))
    before = model.weights()  # after a first forward pass, in which lazy layers make theirs
    if before.numel() == 0:
        raise Unmet("it has no parameters that could be trained", "Layers must be attributes of the module.")
    if task.share(run.untrained) > 0:
        student.flag("untrained-perfect")
        raise Unmet(
            f"before any training, its {task.metric} is {run.untrained:.2g}: nothing was left to learn",
            "The answer must come from what the network has learned, not from a formula.",
        )
    model.start_training(recipe, task.loss)
    _train(student, model, task, run, student.generator_for(f"learn/{number}/data"), deadline)
    run.score = _score(model, task, held_out, deadline)
    run.moved = not torch.equal(before, model.weights())
    run.share = task.share(run.score) if run.moved else 0.0
    for name, inputs in probes.items():
        run.probes[name] = _predict(model, inputs, deadline)
    return run


def _train(
    student: Student, model: RemoteModel, task: LearningTask, run: Run, generator: torch.Generator, deadline: float
) -> None:
    """Train in chunks until the probe set passes, the loss breaks or the recipe's steps are taken."""
    probe = task.draw(task.probe, student.generator_for("learn/probe"))
    started = time.monotonic()
    for steps in _chunks(run.recipe.steps, task.every):
        inputs, targets = task.draw(steps * run.recipe.batch_size, generator)
        seen = model.train(inputs, targets, run.recipe.batch_size, deadline)
        if not len(seen.losses) == len(seen.gradient_norms) == steps:
            raise student.distrust("it took another number of steps than was asked")
        run.losses += seen.losses
        run.gradient_norms += seen.gradient_norms
        score = _score(model, task, probe, deadline)
        run.curve.append((run.steps, score))
        loss = "not a number" if seen.losses[-1] is None else f"{seen.losses[-1]:.3g}"
        student.tell(f"step {run.steps} of {run.recipe.steps}, loss {loss}, {time.monotonic() - started:.0f} s")
        run.stopped = score < task.stop
        if run.stopped or run.broke_at is not None:
            return


def _chunks(steps: int, every: int) -> Iterator[int]:
    for start in range(0, steps, every):
        yield min(every, steps - start)


def _score(
    model: RemoteModel, task: LearningTask, data: tuple[tuple[torch.Tensor, ...], torch.Tensor], deadline: float
) -> float:
    """The score of predictions brought to the targets' shape; infinite where one is not a number."""
    inputs, targets = data
    predictions = _predict(model, inputs, deadline)
    if task.loss == "mse":
        if predictions.numel() != targets.numel() or len(predictions) != len(targets):
            shape, wanted = tuple(predictions.shape), (len(targets), 1)
            raise Unmet(f"its predictions have shape {shape}, expected {wanted} or {wanted[:1]}")
        predictions = predictions.reshape(targets.shape)
    elif predictions.shape[:-1] != targets.shape or predictions.shape[-1] <= int(targets.max()):
        classes = f"({', '.join(map(str, targets.shape))}, number of classes)"
        raise Unmet(f"its predictions have shape {tuple(predictions.shape)}, expected {classes}")
    if not bool(torch.isfinite(predictions).all()):
        return math.inf
    return float(task.score(predictions, targets))


def _predict(model: RemoteModel, inputs: tuple[torch.Tensor, ...], deadline: float) -> torch.Tensor:
    predictions = model.predict(*inputs, deadline=deadline)
    if not isinstance(predictions, torch.Tensor) or not predictions.is_floating_point() or predictions.dim() == 0:
        raise Unmet(f"`forward` returned {describe(predictions)}, expected a floating-point tensor, batch first")
    return predictions
