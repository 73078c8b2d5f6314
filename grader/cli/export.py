"""`grade export FORMAT`."""

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, gradebook_option, version_option
from grader.records.errors import GraderFault, UsageError

if TYPE_CHECKING:
    from grader.course.contributions import Exported, Exporter
    from grader.course.loading import Course
    from grader.course.settings import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("format_", metavar="FORMAT")
@gradebook_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    envvar="GRADE_EXPORT_OUTPUT",  # not GRADE_OUTPUT, which is the folder of reports
    help="The file or folder to write. Default: standard output, for single-file formats.",
)
@click.option(
    "--into",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="GRADE_INTO",
    help="The gradebook file to fill in, as downloaded from the LMS. It is not modified.",
)
@click.option(
    "--column", envvar="GRADE_COLUMN", help="Column of the sheet to write the points to, if more than one fits."
)
@course_option
@version_option
def export(
    format_: str, gradebook: str, output: Path | None, into: Path | None, column: str | None, course: "Settings"
) -> None:
    """Export the grades: csv, json, junit, gradescope, canvas, moodle, ...

    `grade plugins` lists all formats with a short description. For an LMS, first download its gradebook file,
    then fill it in: `grade export canvas --into export.csv --output import.csv`.
    """
    from grader.course.loading import load_course

    loaded = load_course(course)
    exporter = loaded.exporters.get(format_)
    if exporter is None:
        known = ", ".join(sorted(loaded.exporters)) or "none"
        raise UsageError(f"unknown format '{format_}'; available: {known}")
    exported = _export(exporter, loaded, gradebook, into, column, output)
    for note in exported.notes:
        click.echo(f"note: {note}", err=True)


def _export(
    exporter: "Exporter", course: "Course", url: str, into: Path | None, column: str | None, output: Path | None
) -> "Exported":
    from grader.batch import reports
    from grader.batch.gradebook import open_gradebook
    from grader.batch.run import adjustments_of
    from grader.cli.options import write_out

    with open_gradebook(url) as book:
        book.recompute_standings(adjustments_of(course))
        sheet = into.read_bytes() if into is not None else None
        exporting = reports.exporting_of(course, book, into=sheet, column=column)
        exported = exporter.export(exporting)
        if exported.folder is not None:
            if output is None:
                raise UsageError(f"'{exporter.name}' writes a folder: name one with --output")
            for name, data in exported.folder:
                _write(output / name, data)
        elif output is not None and output.is_dir():
            raise UsageError(f"'{exporter.name}' writes a file, and {output} is a folder")
        elif output is None or _is_stream(output):
            write_out(exported.document, output)
        else:
            _write(output, exported.document)
    return exported


def _write(file: Path, data: bytes) -> None:
    from grader.records.files import write_whole

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, data)
    except OSError as error:
        raise GraderFault(f"{file} cannot be written: {error.strerror}") from None


def _is_stream(file: Path) -> bool:
    """Whether it is a pipe or a device, which must not be replaced by a file."""
    try:
        return not stat.S_ISREG(file.stat().st_mode)
    except OSError:
        return False
