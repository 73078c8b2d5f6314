"""Evidence of a training: what a report shows of it, as figures."""

import math

from grader.figures import Band, Curve, Figure, Level, Line, Mark
from grader.task import LearningTask, Run


def show_run(task: LearningTask, run: Run, sentence: str, band: Band | None) -> list[Figure]:
    """The learning curve on the probe set, beside the references' band, and the norm of the gradient."""
    steps = [float(step) for step, score in run.curve if math.isfinite(score)]
    scores = [score for _, score in run.curve if math.isfinite(score)]
    norms = [(float(step), norm) for step, norm in enumerate(run.gradient_norms, 1) if norm is not None]
    marks = [Mark("stopped", float(run.steps))] if run.stopped else []
    if run.broke_at is not None:
        marks = [Mark("no longer a number", float(run.broke_at))]
    curve = Curve(
        title="Learning curve",
        sentence=sentence,
        x_label="training step",
        y_label=task.metric,
        lines=[Line("your model", steps, scores)],
        bands=[band] if band is not None else [],
        levels=[Level("knowing nothing", task.worst), Level("full marks", task.best)],
        marks=marks,
        log_y=True,
    )
    gradient = Curve(
        title="Gradient norm",
        sentence="The norm of the gradient at each step, before clipping, as the training reported it.",
        x_label="training step",
        y_label="gradient norm",
        lines=[Line("your model", [x for x, _ in norms], [y for _, y in norms])],
        bands=[],
        levels=[],
        marks=marks,
        log_y=True,
    )
    return [figure for figure in (curve, gradient) if figure.lines[0].x]
