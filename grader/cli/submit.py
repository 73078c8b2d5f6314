"""`grade submit PATH`."""

import errno
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grader.cli.options import LEVEL_NAMES, course_option, device_option, note, version_option, write_out
from grader.cli.text import progress_on
from grader.records.errors import GraderFault, UsageError
from grader.records.seeds import SEEDS, draw

if TYPE_CHECKING:
    from grader.course.settings import Settings
    from grader.records.grade import Conditions, Grade
    from grader.records.limits import Level


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", type=click.Path())
@click.option("--exercise", "ids", multiple=True, envvar="GRADE_EXERCISE", help="Grade only this exercise; repeatable.")
@device_option
@click.option(
    "--seed",
    type=click.IntRange(0, SEEDS - 1),
    envvar="GRADE_SEED",
    help="Seed; pass an earlier run's seed to reproduce it. Default: random.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    envvar="GRADE_FORMAT",
    show_default=True,
    help="What to print to standard output.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="GRADE_OUTPUT",
    help="Folder for the report. Default: grade-report with --format text, none otherwise.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    default=0.0,
    envvar="GRADE_FAIL_UNDER",
    help="Exit with 1 if the percentage is below this.",
)
@click.option(
    "--require",
    type=click.Choice(LEVEL_NAMES),
    envvar="GRADE_REQUIRE",
    help="Refuse to grade below this isolation level (exit 3).",
)
@course_option
@version_option
def submit(
    path: str,
    ids: tuple[str, ...],
    device: str,
    seed: int | None,
    format_: str,
    output: Path | None,
    fail_under: float,
    require: "Level | None",
    course: "Settings",
) -> None:
    """Grade one submission: a folder, a .py file, a notebook (.ipynb) or a .zip archive of any of these.

    Prints the verdicts and writes an HTML report; its path is printed last. Exit codes: 0 graded, 1 below --fail-under,
    2 usage error, 3 the grader itself failed.
    """
    if not os.path.exists(path):  # noqa: PTH110  (`Path.exists` raises for names that are too long)
        raise UsageError(f"{path or 'an empty path'}: no such file or folder")
    if output is None and format_ == "text":
        output = Path("grade-report")
    seed = draw() if seed is None else seed
    session = {"ids": ids, "device": device, "required": require}
    grade, conditions, page = _grade(Path(path), course, session, seed, output, with_page=format_ == "html")
    if format_ == "json":
        from grader.records.grade import to_json

        write_out(to_json(grade))
    elif format_ == "html":
        write_out(page)
    else:
        from grader.cli.text import print_grade

        print_grade(grade, conditions, sys.stdout)
    if output is not None:
        file = _save(page, output, grade.submission, path)
        if format_ == "text":
            click.echo(f"\nReport: {file}")
    if grade.broken:
        raise SystemExit(GraderFault.exit_code)
    if not grade.percent >= fail_under:  # written so that `--fail-under nan` fails
        raise SystemExit(1)


def _grade(
    path: Path, course: "Settings", options: dict[str, Any], seed: int, output: Path | None, *, with_page: bool
) -> "tuple[Grade, Conditions, str]":
    """The grade, the conditions it was made under, and its page if one is shown or written."""
    from grader.grading.listener import Listener
    from grader.grading.session import open_session

    with progress_on(sys.stderr) as show, open_session(course, **options, note=note) as session:
        graded = session.record(
            path,
            name=path.resolve().name,
            seed=seed,
            chosen=options["ids"],
            without=output,
            listener=Listener(check=show),
        )
    for fault in graded.internal_errors:
        click.echo(f"grade: the grader failed in a check:\n{fault}", err=True)
    record, reports, page = graded.record, session.course.reports, ""
    if (output is not None or with_page) and "html" in reports:
        page = reports["html"].page(record.grade, record.conditions, record.evidence)
    return record.grade, record.conditions, page


def _save(page: str, output: Path, name: str, submission: str) -> Path:
    from grader.records.files import write_whole

    file = output / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name).lstrip('.') or 'submission'}.html"
    try:
        _refuse_links(output, submission)
        output.mkdir(parents=True, exist_ok=True)
        write_whole(file, page.encode())  # the old file may be a student's link or pipe
    except OSError as error:
        raise GraderFault(f"the report cannot be written to {file}: {error.strerror}") from None
    return file


def _refuse_links(output: Path, submission: str) -> None:
    """A report's folder inside the submission may not be a link that the student put there. Raises OSError."""
    root, inside = os.path.realpath(submission), os.path.abspath(output)  # noqa: PTH100  (`resolve` follows links)
    if inside.startswith(root + os.sep) and os.path.realpath(inside) != inside:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
