"""A sweep: a model is trained from scratch at several lengths, shortest first, to find where it starts to fail."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from grader.authoring.exercise import About, CheckFunction, Exercise
from grader.authoring.expectations import Judged
from grader.authoring.task import LearningTask
from grader.grading.student import Student
from grader.learning.learned import Learned
from grader.learning.policy import SHOWN, learn, show_training
from grader.learning.run import Observers
from grader.probes.sequence import gradient_by_step
from grader.records.figures import Curve, Level, Line, input_gradient

Judge = Callable[[int, Learned], Judged]
"""Takes a length and the result of the training there; returns the verdict, or raises `Unmet`."""
GRADIENT = "gradient"
"""The observer that a sweep adds, for its figure."""


@dataclass(frozen=True)
class Sweep:
    """The checks of a sweep."""

    name: str
    tasks: Mapping[int, LearningTask]
    aim: str
    checks: dict[int, CheckFunction]
    """By length; for `needs=` and `student.learned`."""

    def results(self, student: Student) -> dict[int, Learned]:
        """The results of this attempt's trainings so far, by length."""
        return student.once(f"sweep {self.name}", dict)


def sweep(
    exercise: Exercise,
    tasks: Mapping[int, LearningTask],
    *,
    points: Mapping[int, float],
    needs: Sequence[CheckFunction],
    observe: Callable[[int, torch.Generator], Observers],
    aim: str,
    about: Mapping[int, About] | None = None,
) -> Callable[[Judge], Sweep]:
    """Declare a learning check for each length; each but the first needs the one before.

    The result decorates the function that judges a training. The checks are called `<function>_<steps>`; their promise
    is the function's docstring, in which `{steps}` stands for the length. The report shows the error by length when the
    sweep ends, and the training at the length where the model starts to fail.

    Args:
        exercise: the exercise that gets the checks.
        tasks: the task for each length in time steps, shortest first; inputs are x (B, T, F).
        points: points of the check at each length.
        needs: checks that the first one needs.
        observe: a length and the check's generator -> observers of a model trained at that length.
        aim: what the model does if it succeeds, for "It ... at every length": "remembers the first value".
        about: the `about` of `Exercise.check`, by length.

    Raises `ValueError` unless points and tasks are for the same lengths.
    """
    if set(points) != set(tasks):
        raise ValueError(
            f"{exercise.id}: a sweep over {list(tasks)} steps needs points for the same lengths, found {list(points)}"
        )

    about = about or {}

    def declare(judge: Judge) -> Sweep:
        name = getattr(judge, "__name__", "length")
        made = Sweep(name, tasks, aim, {})
        needed = list(needs)
        for steps, task in tasks.items():
            check = _check(made, steps, judge, observe)
            made.checks[steps] = exercise.check(points=points[steps], needs=needed, task=task, about=about.get(steps))(
                check
            )
            needed = [made.checks[steps]]
        return made

    return declare


def _check(
    swept: Sweep, steps: int, judge: Judge, observe: Callable[[int, torch.Generator], Observers]
) -> CheckFunction:
    """The check of one length, with a name and a docstring as if an exercise had defined it."""

    def check(student: Student) -> Judged:
        return judge(steps, _train(swept, student, steps, observe(steps, student.generator)))

    check.__name__ = check.__qualname__ = f"{swept.name}_{steps}"
    check.__module__ = judge.__module__  # the exercise's, because a calibration's hash covers its data
    check.__doc__ = (judge.__doc__ or "").replace("{steps}", str(steps))
    return check


def _train(swept: Sweep, student: Student, steps: int, observe: Observers) -> Learned:
    """Train at one length; show the training where the model starts to fail, and the sweep when it ends."""
    task, learned = swept.tasks[steps], swept.results(student)
    fell_short = any(before.share < 1 for before in learned.values())
    (x,), _ = task.draw(SHOWN, student.generator_for("learn/showcase"))
    look: Observers = {**observe, GRADIENT: lambda model: gradient_by_step(model, x).tolist()}
    learned[steps] = found = learn(student, task, look, show=False)
    is_last = found.share == 0 or steps == max(swept.tasks)
    if is_last:
        student.show(sweep_figure(swept, student))
    if not fell_short and (found.share < 1 or is_last):
        student.show(input_gradient(found.observed(GRADIENT), task.setting))
        show_training(student, found)
    return found


def sweep_figure(swept: Sweep, student: Student) -> Curve:
    """The error at each length, together with that of the references, if they were measured."""
    learned = swept.results(student)
    scores = {steps: found.run.score for steps, found in learned.items()}
    curves = {"your model": scores}
    for steps in swept.tasks:
        for solution, score in student.reference_scores(f"{swept.name}_{steps}").items():
            curves.setdefault(solution.replace("-", ": "), {})[steps] = score
    longest = max(swept.tasks)
    task = swept.tasks[longest]
    kind = "error" if task.lower_is_better else "score"
    short = [steps for steps, found in learned.items() if found.share < 1]
    sentence = f"It {swept.aim} at every length, up to {max(learned)} steps."
    if short:
        reached = f"{scores[short[0]]:.2g}" if math.isfinite(scores[short[0]]) else "not a number"
        sentence = f"It starts to fail at {short[0]} steps: its {kind} there is {reached}; "
        sentence += f"a trivial baseline scores {task.worst:.2g}."
    if max(learned) < longest:
        sentence += " Longer sequences were not tried."
    return Curve(
        title=f"{kind.capitalize()} by length of the sequence",
        sentence=sentence,
        x_label="time steps of a sequence",
        y_label=task.metric,
        lines=[Line(name, list(found), list(found.values())) for name, found in curves.items()],
        levels=[Level("trivial baseline", task.worst), Level("full marks", task.best)],
        log_y=task.lower_is_better,
    )
