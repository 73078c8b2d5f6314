"""`grade exercises` and `grade show ID`."""

import sys
from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, version_option

if TYPE_CHECKING:
    from grader.authoring.exercise import Exercise
    from grader.course.loading import Course
    from grader.course.settings import Settings
    from grader.records.limits import Limits

_READABLE = 100
"""Lines wider than this are hard to read."""


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
    """Print an exercise's handout: the task, the rubric, the training budget with the recipe's defaults, the limits.

    Formatted on a terminal, plain text otherwise.
    """
    from grader.course.handout import handout
    from grader.course.loading import effective_limits

    loaded = _load(course)
    (exercise,) = loaded.pick((exercise_id,))
    limits = effective_limits(course, exercise)
    if _is_rich_terminal():
        _print_rendered(handout(exercise, limits))
    else:
        _print_plain(exercise, limits)


def _is_rich_terminal() -> bool:
    """Whether the output is a terminal that can draw lines and bullets."""
    return sys.stdout.isatty() and (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def _print_rendered(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.padding import Padding

    console = Console()
    width = min(console.width, _READABLE)
    rendered = Markdown(text, code_theme="ansi_light", inline_code_theme=None)
    console.print(Padding(rendered, (0, 1)), width=width)


def _print_plain(exercise: "Exercise", limits: "Limits") -> None:
    from grader.course.handout import MARKS, is_marked, limits_words, module_words, rubric, trainings

    lines = [exercise.title, "=" * len(exercise.title), "", exercise.statement.strip(), ""]
    lines += [f"Rubric ({exercise.max_points:g} points)", ""]
    lines += [f"  {points:>4}   {words}" for points, words in rubric(exercise)]
    lines += ["", MARKS] if is_marked(exercise) else []
    lines += ["", f"Module: {module_words(exercise)}"]
    lines += [line for words in trainings(exercise) for line in ("", f"Training: {words}")]
    lines += ["", f"Limits: {limits_words(limits)}"]
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        click.echo(line.encode(encoding, "backslashreplace").decode(encoding))


def _load(settings: "Settings") -> "Course":
    from grader.course.loading import load_course

    return load_course(settings)
