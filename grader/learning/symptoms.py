"""Examines a model that was trained and learned nothing, from its answers and gradients."""

from typing import Any

import torch

from grader.authoring.expectations import Unmet
from grader.authoring.task import LearningTask
from grader.grading.errors import StudentRaised
from grader.grading.model import Model
from grader.learning.run import Symptoms
from grader.probes.sequence import gradient_by_step

ROWS = 32


def symptoms_of(model: Model, task: LearningTask, inputs: tuple[torch.Tensor, ...], deadline: float) -> Symptoms:
    """Examine the model on a few inputs of the validation set. Exceptions it raises are ignored."""
    few = tuple(part[:ROWS] for part in inputs)
    try:
        given = model.predict(*few, method=task.method, deadline=deadline)
        constant = _constant_answer(given, task)
        if len(few) > 1 or few[0].dim() != 3 or not few[0].is_floating_point():
            return Symptoms(constant)
        profile = gradient_by_step(model, few[0])  # (T,)
    except (StudentRaised, Unmet):
        return Symptoms()
    steps = few[0].shape[1]
    if not bool(torch.isfinite(profile).all()):
        return Symptoms(constant)
    unreached = (profile == 0).nonzero().flatten().tolist()
    fading = float(profile[: max(1, steps // 10)].max() / profile.max()) if not unreached else 1.0
    is_cut = bool(unreached) and _answers_depend_on(model, few[0], unreached, given, deadline)
    return Symptoms(constant, steps, tuple(unreached), is_cut, fading)


def _answers_depend_on(model: Model, x: torch.Tensor, steps: list[int], given: Any, deadline: float) -> bool:
    """Whether answers change when these steps of x (B, T, F) change."""
    other = x.clone()
    other[:, steps] = 1 - x[:, steps]
    try:
        found = model.predict(other, deadline=deadline)
    except StudentRaised:
        return False
    return isinstance(found, torch.Tensor) and isinstance(given, torch.Tensor) and not torch.equal(found, given)


def _constant_answer(found: Any, task: LearningTask) -> str | None:
    """A description of the answer, if it is the same for all inputs."""
    if not isinstance(found, torch.Tensor) or found.dim() == 0 or len(found) < 2:
        return None
    if not found.is_floating_point():
        return "the same tokens" if bool((found == found[0]).all()) else None
    if task.loss == "cross_entropy":
        chosen = found.argmax(dim=-1)
        return "the same class" if bool((chosen == chosen[0]).all()) else None
    answers = found.double().flatten()
    is_flat = float(answers.std()) < 0.02 * max(1.0, float(answers.abs().mean()))
    return f"{float(answers.mean()):.2g} or close to it" if is_flat else None
