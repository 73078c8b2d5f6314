"""Figures about a training, for the report."""

import math

from grader.authoring.task import LearningTask
from grader.learning.run import Run
from grader.records.figures import Band, Curve, Figure, Level, Line, Mark, input_gradient


def show_run(task: LearningTask, run: Run, sentence: str, band: Band | None) -> list[Figure]:
    """The learning curve on the validation set with the references' band, the gradient norm and, if it was measured,
    how far back the trained model's gradient reaches."""
    steps, scores = [float(step) for step, _ in run.curve], [score for _, score in run.curve]
    norms = [math.nan if norm is None else norm for norm in run.gradient_norms]  # a line draws a gap for NaN
    marks = [Mark("stopped", float(run.steps))] if run.stopped else []
    if run.broke_at is not None:
        marks = [Mark("NaN or infinite", float(run.broke_at))]
    curve = Curve(
        title=f"Learning curve {task.setting}".rstrip(),
        sentence=sentence,
        x_label="training step",
        y_label=task.metric,
        lines=[Line("your model", steps, scores)],
        bands=[band] if band is not None else [],
        levels=[Level("trivial baseline", task.worst), Level("full marks", task.best)],
        marks=marks,
        log_y=task.lower_is_better,
    )
    gradient = Curve(
        title=f"Gradient norm {task.setting}".rstrip(),
        sentence="The norm of the gradient at each step, before clipping.",
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
