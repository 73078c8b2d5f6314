"""`grade exercises` and `grade show ID`."""

from typing import TYPE_CHECKING

import click

from grader.commands.options import course_option, ends_in_one_line, version_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.course import Course
    from grader.exercise import Exercise
    from grader.settings import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@course_option
@version_option
def exercises(course: "Settings") -> None:
    """List the exercises of the course: id, points, title."""
    loaded = _load(course)
    width = max((len(exercise.id) for exercise in loaded.exercises), default=0)
    for exercise in loaded.exercises:
        click.echo(f"{exercise.id:{width}}  {exercise.max_points:5g} points  {exercise.title}")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("exercise_id", metavar="ID")
@course_option
@version_option
def show(exercise_id: str, course: "Settings") -> None:
    """Print an exercise's handout, its rubric, its budget for training with the recipe's defaults, and its limits."""
    from grader.course import effective_limits
    from grader.settings import CourseError

    loaded = _load(course)
    try:
        (exercise,) = loaded.pick((exercise_id,))
    except CourseError as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"{exercise.title}\n{'=' * len(exercise.title)}\n\n{exercise.statement.strip()}\n")
    click.echo(f"Rubric ({exercise.max_points:g} points)\n")
    for rule in exercise.rules:
        click.echo(f"  rule   {rule.promise}")
    for check in exercise.checks:
        click.echo(f"  {check.points:4g}   {check.promise}")
    for line in _trainings(exercise):
        click.echo(line)
    limits = effective_limits(course, exercise)
    click.echo(
        f"\nLimits: {limits.seconds:g} s for all checks, {limits.top_level_seconds:g} s for top-level code that "
        f"defines nothing, {limits.memory_mib} MiB of memory, {limits.files_mib} MiB of files."
    )


def _trainings(exercise: "Exercise") -> "Iterator[str]":
    """The budget of steps, and what a recipe leaves out; once, where several checks have the same."""
    import torch

    with ends_in_one_line():
        tasks = [check.task(torch.Generator()) for check in exercise.checks if check.task is not None]
    budgets = {(task.model, task.recipe): task for task in tasks}
    for model, recipe in budgets:
        yield (
            f"\nTraining: `{model}` is trained for at most {recipe.steps} steps. What its `recipe` leaves out is: "
            f"optimizer {recipe.optimizer}, lr {recipe.lr:g}, batch_size {recipe.batch_size}, clip_norm "
            f"{recipe.clip_norm:g}, weight_decay 0, momentum 0, schedule {recipe.schedule}, all of these steps."
        )


def _load(settings: "Settings") -> "Course":
    from grader.course import load_course

    with ends_in_one_line():
        return load_course(settings)
