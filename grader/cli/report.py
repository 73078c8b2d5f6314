"""`grade report`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, gradebook_option, version_option
from grader.records.errors import GraderFault, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.batch.gradebook import Gradebook
    from grader.cli.class_text import ClassText
    from grader.course.loading import Course
    from grader.course.settings import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@gradebook_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("grade-report"),
    envvar="GRADE_OUTPUT",
    show_default=True,
    help="Folder for the reports.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1000),
    envvar="GRADE_JOBS",
    help="Number of processes that write pages. Default: one per processor.",
)
@course_option
@version_option
def report(gradebook: str, output: Path, jobs: int | None, course: "Settings") -> None:
    """Regenerate the reports from a gradebook: a page per student and the class page. Grades nothing."""
    from grader.batch.gradebook import open_gradebook
    from grader.batch.run import adjustments_of
    from grader.cli.class_text import ClassText
    from grader.course.loading import load_course

    loaded = load_course(course)
    with open_gradebook(gradebook) as book:
        book.recompute_standings(adjustments_of(loaded))
        jobs = jobs or len(os.sched_getaffinity(0))
        for file in write_reports(loaded, book, gradebook, output, jobs, ClassText(sys.stderr)):
            click.echo(file)


def write_reports(
    course: "Course",
    book: "Gradebook",
    url: str,
    output: Path,
    jobs: int,
    text: "ClassText",
    notes: "Sequence[str]" = (),
) -> list[Path]:
    """Write every page. Returns the class's files, the one to open first at the front."""
    from grader.batch import reports

    try:
        if "html" in course.reports:
            count = book.count()
            with text.counting("writing reports", count) as show:
                reports.write_pages(book.rows(), count, course, book, url, output, jobs, show)
        view = reports.view_of(course, book, notes)
        return reports.write_class(view, course, reports.exporting_of(course, book), output)
    except OSError as error:
        raise GraderFault(f"the reports cannot be written to {output}: {error.strerror}") from None
    except UsageError as problem:  # from an exporter or the gradebook: not what the user typed
        raise GraderFault(f"the reports cannot be written: {problem}") from None
