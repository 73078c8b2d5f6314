"""Evidence of a training: what a report shows of it, as figures."""

import math

from grader.authoring.task import LearningTask
from grader.learning.run import Run
from grader.records.figures import Band, Curve, Figure, Level, Line, Mark, input_gradient


def show_run(task: LearningTask, run: Run, sentence: str, band: Band | None) -> list[Figure]:
    """The learning curve on the probe set, beside the references' band, the norm of the gradient, and where it was
    looked at, how far the gradient of the trained model reaches back."""
    steps, scores = [float(step) for step, _ in run.curve], [score for _, score in run.curve]
    norms = [math.nan if norm is None else norm for norm in run.gradient_norms]  # a line counts what is not finite
    marks = [Mark("stopped", float(run.steps))] if run.stopped else []
    if run.broke_at is not None:
        marks = [Mark("no longer a number", float(run.broke_at))]
    curve = Curve(
        title=f"Learning curve {task.setting}".rstrip(),
        sentence=sentence,
        x_label="training step",
        y_label=task.metric,
        lines=[Line("your model", steps, scores)],
        bands=[band] if band is not None else [],
        levels=[Level("knowing nothing", task.worst), Level("full marks", task.best)],
        marks=marks,
        log_y=task.lower_is_better,
    )
    gradient = Curve(
        title=f"Gradient norm {task.setting}".rstrip(),
        sentence="The norm of the gradient at each step, before clipping, as the training reported it.",
        x_label="training step",
        y_label="gradient norm",
        lines=[Line("your model", [float(step) for step in range(1, run.steps + 1)], norms)],
        bands=[],
        levels=[],
        marks=marks,
        log_y=True,
    )
    figures = [curve, gradient]
    if run.input_gradient:
        figures.append(input_gradient(run.input_gradient, task.setting))
    return [figure for figure in figures if figure.lines[0].x]
