"""`grade release DIR`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, version_option

if TYPE_CHECKING:
    from grader.course.settings import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--with-data", is_flag=True, help="Include the data files named in the course's [tool.grade.exercises].")
@course_option
@version_option
def release(folder: Path, with_data: bool, course: "Settings") -> None:
    """Build the student release in a new folder: the course without its solutions and tests.

    Contains the exercises, plugins, reports, starters, Markdown handouts, a README, the score ranges measured for the
    references, and the [tool.grade] settings that students need, but not the seed, gradebook or roster.
    """
    from grader.course.loading import load_course
    from grader.course.release import release as make

    loaded = load_course(course)
    made = make(loaded, folder, with_data=with_data)
    for note in made.notes:
        click.echo(f"Note: {note}")
    click.echo(f"{folder}: {made.files} files, {len(loaded.exercises)} exercises. See its README.md to get started.")
