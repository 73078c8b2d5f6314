"""A sweep: one model trained afresh at each of several lengths, shorter ones first, to see where it starts to fail."""

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
"""Takes a length and what a training came to there; returns the verdict, or raises `Unmet`."""
GRADIENT = "gradient"
"""The observer that a sweep adds: it is what its figure shows."""


@dataclass(frozen=True)
class Sweep:
    """The checks of a sweep, by length."""

    name: str
    tasks: Mapping[int, LearningTask]
    aim: str
    checks: dict[int, CheckFunction]
    """For `needs=`, and `student.learned`."""

    def so_far(self, student: Student) -> dict[int, Learned]:
        """What the trainings of this attempt came to, by length, as far as it got."""
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

    It decorates the function that judges a training; the checks are called `<function>_<steps>`, and its docstring is
    their promise, in which `{steps}` stands for the length. The report shows the error by length where the sweep ends,
    and the training where the model starts to fail.

    Args:
        exercise: that gets the checks.
        tasks: the task at each length, in time steps, shorter ones first; inputs are x (B, T, F).
        points: of the check at each length.
        needs: what the first one needs.
        observe: a length and the check's generator -> what is looked at in a model trained there.
        aim: what the model does where it succeeds, for "It ... at every length": "remembers the first value".
        about: which lengths the exercise's idea is about, as `Exercise.check` takes it.

    Raises `ValueError` where points and tasks are not for the same lengths.
    """
    if set(points) != set(tasks):
        raise ValueError(
            f"{exercise.id}: a sweep over {list(tasks)} steps needs points for these, found {list(points)}"
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
    """The check of one length, as an exercise would write it, with its name and its promise."""

    def check(student: Student) -> Judged:
        return judge(steps, _train(swept, student, steps, observe(steps, student.generator)))

    check.__name__ = check.__qualname__ = f"{swept.name}_{steps}"
    check.__module__ = judge.__module__  # the exercise's, whose data a calibration's hash follows
    check.__doc__ = (judge.__doc__ or "").replace("{steps}", str(steps))
    return check


def _train(swept: Sweep, student: Student, steps: int, observe: Observers) -> Learned:
    """Train at one length; show how it went where the model starts to fail, and where the sweep ends."""
    task, learned = swept.tasks[steps], swept.so_far(student)
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
    """The error at each length, beside that of the references, where they were measured."""
    learned = swept.so_far(student)
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
        sentence += f"knowing nothing scores {task.worst:.2g}."
    if max(learned) < longest:
        sentence += " Longer sequences were not tried."
    return Curve(
        title=f"{kind.capitalize()} by length of the sequence",
        sentence=sentence,
        x_label="time steps of a sequence",
        y_label=task.metric,
        lines=[Line(name, list(found), list(found.values())) for name, found in curves.items()],
        levels=[Level("knowing nothing", task.worst), Level("full marks", task.best)],
        log_y=task.lower_is_better,
    )
