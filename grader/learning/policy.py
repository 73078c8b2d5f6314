"""The policy of all learning checks: seeds, validation set, early stopping, held-out set, median of three.

A model is trained in chunks in the jail, on data drawn here. After each chunk its predictions on a small validation set
are scored here, and training stops once they are clearly better than full marks need. The held-out set alone decides
the share, for the stopped or final model, never for the best one seen. Full marks on the first seed end it; otherwise
two more seeds run and the median share counts. So good work is graded quickly, an unlucky seed is not punished, and
luck on the validation set does not pass. A model that is good before training, or still is with its initial parameters,
has not learned.
"""

import math
import time
from collections.abc import Iterator

import torch

from grader.authoring.expectations import Unmet
from grader.authoring.recipe import read_recipe
from grader.authoring.task import Draw, LearningTask
from grader.grading.errors import StudentRaised
from grader.grading.model import Model
from grader.grading.student import Student
from grader.learning.answers import READ
from grader.learning.diagnosis import summary
from grader.learning.evidence import show_run
from grader.learning.learned import Learned
from grader.learning.run import Observers, Run, in_words
from grader.learning.symptoms import symptoms_of
from grader.probes.sequence import gradient_by_step

PERFECT = 0.5
"""An untrained model that earns this share has not learned. A smaller share may be luck: a random readout of a linear
memory."""
TRAINED_FOR = 0.75
"""The fraction of a task's seconds after which no further chunk starts."""
SHOWN = 256
"""The number of showcase examples that a report's gradient figure is computed on."""
NOT_LEARNED = "The answer must come from what the network has learned, not from a formula."


def learn(student: Student, task: LearningTask, observe: Observers | None = None, *, show: bool = True) -> Learned:
    """Train a student's model by the policy and score it on held-out data.

    Each function in `observe` is called with the trained model, for behaviour checks; `show` adds the learning curve to
    the report. Raises `BadRecipe`; `Unmet`, and sets a flag, for a model that was perfect before training, needs none
    of its parameters or was changed by no training; and whatever the student's code raises.
    """
    runs = [train(student, task, 0, observe)]
    if runs[0].share < 1:
        runs += [train(student, task, number, observe) for number in range(1, student.trainings)]
    if not any(run.moved for run in runs):
        student.flag("parameters-unchanged")
        raise Unmet(
            "training changed none of its parameters",
            "Does the output depend on the layers? Are they attributes of the module, and is nothing detached?",
        )
    learned = Learned(task, sorted(runs, key=lambda run: run.share)[len(runs) // 2], runs)
    student.keep(learned)
    if task.unusual is not None and task.beats(learned.run.score, task.unusual):
        student.flag("unusual-accuracy")
    if show:
        show_training(student, learned)
    return learned


def show_training(student: Student, learned: Learned) -> None:
    """Attach the learning curve and the gradient's norm to the report."""
    for figure in show_run(learned.task, learned.run, summary(learned.task, learned.run), student.band()):
        student.show(figure)


def train(student: Student, task: LearningTask, number: int, observe: Observers | None = None) -> Run:
    """One training in a fresh worker; `number` distinguishes the trainings of one submission.

    The worker is replaced afterwards, however the training ends, so that nothing is left behind.
    """
    student.restart(f"learn/{number}", trains=True)
    try:
        return _trained(student, task, number, observe or {})
    finally:
        student.restart(f"after learn/{number}")


def _trained(student: Student, task: LearningTask, number: int, observe: Observers) -> Run:
    recipe = read_recipe(student.attribute(task.model, "recipe"), task.recipe)
    model = student.build(task.model, *task.arguments)
    deadline = time.monotonic() + task.seconds
    held_out = _drawn(task.draw_held_out or task.draw, task.held_out, student.generator_for("learn/held-out"))
    probe = _drawn(task.draw_probe or task.draw, task.probe, student.generator_for("learn/probe"))
    run = Run(recipe, _score(model, task, held_out, deadline))
    before = model.weights()  # after a first forward pass, in which lazy layers create theirs
    if before.numel() == 0:
        hint = "Layers must be attributes of the module, and their parameters not frozen (requires_grad=False)."
        raise Unmet("it has no parameters that could be trained", hint)
    if task.share(run.untrained) >= PERFECT:
        student.flag("untrained-perfect")
        reached = in_words(run.untrained)
        raise Unmet(f"before any training, its {task.metric} is {reached}: nothing was left to learn", NOT_LEARNED)
    model.start_training(recipe, task.loss)
    _train(student, model, task, run, probe, student.generator_for(f"learn/{number}/data"), deadline)
    run.score = _score(model, task, held_out, deadline)
    run.moved = not torch.equal(before, model.weights())
    run.share = task.share(run.score) if run.moved else 0.0
    _look_at(student, model, task, run, probe[0], observe, deadline)
    if run.share > 0:
        _refuse_what_was_known(student, model, task, before, probe, deadline)
    run.seconds = time.monotonic() - (deadline - task.seconds)
    return run


def _look_at(
    student: Student,
    model: Model,
    task: LearningTask,
    run: Run,
    inputs: tuple[torch.Tensor, ...],
    observe: Observers,
    deadline: float,
) -> None:
    """Collect what other checks and the report need to know of the trained model; its score does not change.

    `inputs` are those of the validation set.
    """
    for name, look in observe.items():
        try:
            run.observations[name] = look(model)
        except (StudentRaised, Unmet) as problem:  # raised again only for the check that asks for it
            run.observations[name] = problem
    if run.share < 1 and task.loss == "mse" and "gradient" not in observe:  # otherwise the exercise shows its own
        run.input_gradient = _input_gradient(model, *task.draw(SHOWN, student.generator_for("learn/showcase")))
    if run.share <= 0 and run.moved and math.isfinite(run.score):
        run.symptoms = symptoms_of(model, task, inputs, deadline)


def _input_gradient(model: Model, inputs: tuple[torch.Tensor, ...], _: torch.Tensor) -> list[float]:
    """The mean size of the gradient of the answer with respect to each step of x (B, T, F); empty if there is none.

    Only shown in the report: it does not affect the grade.
    """
    x = inputs[0]
    if len(inputs) > 1 or x.dim() != 3 or not x.is_floating_point():
        return []
    try:
        found = gradient_by_step(model, x)
    except (StudentRaised, Unmet):
        return []
    return found.tolist() if bool(found.any()) else []


def _refuse_what_was_known(
    student: Student,
    model: Model,
    task: LearningTask,
    before: torch.Tensor,
    probe: tuple[tuple[torch.Tensor, ...], torch.Tensor],
    deadline: float,
) -> None:
    """Fail a model that is also right with other parameters: its initial ones, or two random draws."""
    trained, generator = model.weights(), student.generator_for("learn/other parameters")
    size = trained.square().mean().sqrt()
    set_back = _score_with(before, model, task, probe, deadline)
    drawn = [
        _score_with(size * torch.randn(trained.shape, generator=generator), model, task, probe, deadline)
        for _ in range(2)
    ]
    # a model with few parameters may be right with one random draw by chance
    for scores, parameters in (([set_back], "the parameters it had before training"), (drawn, "random parameters")):
        if all(task.share(score) >= PERFECT for score in scores):
            student.flag("untrained-perfect")
            reason = f"with {parameters}, its {task.metric} is still {in_words(scores[0])}"
            raise Unmet(f"{reason}: the answer does not come from what it learned", NOT_LEARNED)


def _score_with(
    weights: torch.Tensor,
    model: Model,
    task: LearningTask,
    data: tuple[tuple[torch.Tensor, ...], torch.Tensor],
    deadline: float,
) -> float:
    """The score with other parameters; the worst possible one if the model raises with them."""
    try:
        model.load_weights(weights)
        return _score(model, task, data, deadline)
    except StudentRaised:
        return task.nothing


def _drawn(draw: Draw, count: int, generator: torch.Generator) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    """Examples in random order, so that the order does not reveal the answers."""
    inputs, targets = draw(count, generator)
    order = torch.randperm(len(targets), generator=generator)
    return tuple(part[order] for part in inputs), targets[order]


def _train(
    student: Student,
    model: Model,
    task: LearningTask,
    run: Run,
    probe: tuple[tuple[torch.Tensor, ...], torch.Tensor],
    generator: torch.Generator,
    deadline: float,
) -> None:
    """Train in chunks until the validation score passes `stop`, the loss breaks or the recipe's steps are done.

    If most of the time is used before that, the model is scored as it is: a slow model loses the steps it has no time
    for, and nothing else.
    """
    started = time.monotonic()
    enough = deadline - (1 - TRAINED_FOR) * task.seconds
    for steps in _chunks(run.recipe.steps, task.every):
        began = time.monotonic()
        inputs, targets = task.draw(steps * run.recipe.batch_size, generator)
        seen = model.train(inputs, targets, run.recipe.batch_size, deadline)
        if not len(seen.losses) == len(seen.gradient_norms) == steps:
            raise student.distrust("it did not take the number of steps it was asked for")
        run.losses += seen.losses
        run.gradient_norms += seen.gradient_norms
        score = _score(model, task, probe, deadline)
        run.curve.append((run.steps, score))
        loss = "not a number" if seen.losses[-1] is None else f"{seen.losses[-1]:.3g}"
        student.tell(f"step {run.steps} of {run.recipe.steps}, loss {loss}, {time.monotonic() - started:.0f} s")
        run.stopped = task.beats(score, task.stop)
        if run.stopped or run.broke_at is not None:
            return
        now = time.monotonic()
        if now + (now - began) > enough and run.steps < run.recipe.steps:  # the next chunk will take as long
            run.out_of_time = True
            return


def _chunks(steps: int, every: int) -> Iterator[int]:
    for start in range(0, steps, every):
        yield min(every, steps - start)


def _score(
    model: Model, task: LearningTask, data: tuple[tuple[torch.Tensor, ...], torch.Tensor], deadline: float
) -> float:
    """The score of the model's answers; the worst possible one if an answer is NaN or infinite."""
    inputs, targets = data
    found = model.predict(*inputs, method=task.method, deadline=deadline)
    answers = (task.read or READ[task.loss])(found, targets)
    if answers.is_floating_point() and not bool(torch.isfinite(answers).all()):
        return task.nothing
    return float(task.score(answers, targets))
