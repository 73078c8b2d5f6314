"""The policy of learning checks, written once: seeds, probe set, early stop, held-out set, median of three.

A model is trained in chunks in the jail, on data drawn here. After each chunk its predictions on a small probe set are
scored here, and training stops once they pass the full-mark line with slack. The held-out set alone decides the share:
of the stopped or final model, never of the best one seen. Full marks on the first seed end it; otherwise two more seeds
run and the median share counts. So good work is cheap, an unlucky seed is not punished, and luck on the probe set does
not pass. A model that is good before training, or still is once its parameters are set back, has not learned.
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
from grader.learning.diagnosis import sentence
from grader.learning.evidence import show_run
from grader.learning.learned import Learned
from grader.learning.run import Observers, Run, in_words
from grader.learning.symptoms import symptoms_of
from grader.probes.sequence import gradient_by_step

PERFECT = 0.5
"""What an untrained model may not earn. Some share of it may be luck: a random readout of a linear memory."""
TRAINED_FOR = 0.75
"""The part of a task's seconds after which no more chunk begins."""
SHOWN = 256
"""Examples by which a report shows how far gradients reach back."""
NOT_LEARNED = "The answer must come from what the network has learned, not from a formula."


def learn(student: Student, task: LearningTask, observe: Observers | None = None, *, show: bool = True) -> Learned:
    """Train a student's model by the policy and judge it on held-out data.

    Each function in `observe` looks at the trained model, for behaviour checks; `show` attaches the learning curve to
    the report. Raises `BadRecipe`, `Unmet` (and a flag) for a model that was perfect before training, needs none of its
    parameters or that no training changed, and whatever the student's code raises.
    """
    runs = [train(student, task, 0, observe)]
    if runs[0].share < 1:
        runs += [train(student, task, number, observe) for number in range(1, student.trainings)]
    if not any(run.moved for run in runs):
        student.flag("parameters-unchanged")
        raise Unmet(
            "training changed none of its parameters",
            "Does the output depend on the layers? Are they attributes of the module, and not detached?",
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
    for figure in show_run(learned.task, learned.run, sentence(learned.task, learned.run), student.band()):
        student.show(figure)


def train(student: Student, task: LearningTask, number: int, observe: Observers | None = None) -> Run:
    """One training in a fresh worker; `number` tells the seeds of one submission apart.

    What it leaves behind, however it ends, nothing else meets.
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
    before = model.weights()  # after a first forward pass, in which lazy layers make theirs
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
    """Ask the trained model what other checks and reports want to know; its score stays what it was.

    `inputs` are those of the probe set.
    """
    for name, look in observe.items():
        try:
            run.observations[name] = look(model)
        except (StudentRaised, Unmet) as problem:  # of interest to the check that asks for it, to no other
            run.observations[name] = problem
    if run.share < 1 and task.loss == "mse" and "gradient" not in observe:  # else the exercise shows its own
        run.input_gradient = _input_gradient(model, *task.draw(SHOWN, student.generator_for("learn/showcase")))
    if run.share <= 0 and run.moved and math.isfinite(run.score):
        run.symptoms = symptoms_of(model, task, inputs, deadline)


def _input_gradient(model: Model, inputs: tuple[torch.Tensor, ...], _: torch.Tensor) -> list[float]:
    """The mean size of the gradient of the answer with respect to each step of x (B, T, F); empty where there is none.

    For a report alone: nothing hangs on it.
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
    """Fail a model that is right with other parameters than its trained ones: those of before, and two random rows."""
    trained, generator = model.weights(), student.generator_for("learn/other parameters")
    size = trained.square().mean().sqrt()
    set_back = _score_with(before, model, task, probe, deadline)
    drawn = [
        _score_with(size * torch.randn(trained.shape, generator=generator), model, task, probe, deadline)
        for _ in range(2)
    ]
    # by chance, one draw may be right for a model of few parameters
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
    """The score with other parameters; that of no answer where the model cannot do with them."""
    try:
        model.load_weights(weights)
        return _score(model, task, data, deadline)
    except StudentRaised:
        return task.nothing


def _drawn(draw: Draw, count: int, generator: torch.Generator) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    """Examples to be asked about, in an order that tells nothing."""
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
    """Train in chunks until the probe set passes, the loss breaks or the recipe's steps are taken.

    Where most of the time is spent by then, what was learned so far is judged: a slow model loses the steps it is too
    slow for, and nothing else.
    """
    started = time.monotonic()
    enough = deadline - (1 - TRAINED_FOR) * task.seconds
    for steps in _chunks(run.recipe.steps, task.every):
        began = time.monotonic()
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
    """The score of the model's answers; that of no answer where one is not a number."""
    inputs, targets = data
    found = model.predict(*inputs, method=task.method, deadline=deadline)
    answers = (task.read or READ[task.loss])(found, targets)
    if answers.is_floating_point() and not bool(torch.isfinite(answers).all()):
        return task.nothing
    return float(task.score(answers, targets))
