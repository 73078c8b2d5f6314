"""`grade history STUDENT`: lists every attempt of one student in a gradebook."""

import click

from grader.plugin import UsageError, format_points, hookimpl


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("student")
@click.option(
    "--gradebook",
    default="sqlite:///grade-report/gradebook.db",
    metavar="URL",
    envvar="GRADE_GRADEBOOK",
    show_default=True,
    help="The gradebook: an SQLite file, or postgresql+psycopg://...",
)
@click.version_option(package_name="rnn-grader", prog_name="grade")
def history(student: str, gradebook: str) -> None:
    """List every attempt made for STUDENT, oldest first; a star marks the one that counts."""
    from grader.plugin import GradebookError, open_gradebook  # imported here because SQLAlchemy takes a while

    try:
        with open_gradebook(gradebook) as book:
            attempts = book.history(student)
    except GradebookError as problem:
        raise UsageError(str(problem)) from None
    if not attempts:
        raise UsageError(f"the gradebook has no attempt of '{student}'")
    for attempt in attempts:
        mark = "*" if attempt.counts else " "
        points = f"{format_points(attempt.points)} of {format_points(attempt.max_points)}"
        click.echo(
            f"{mark} {attempt.graded[:19]}  {attempt.status:8}  {points:14}  seed {attempt.seed}  {attempt.content[:8]}"
        )


@hookimpl
def grader_commands():
    """The command of this file."""
    return [history]
