"""`grade submit PATH`."""

import errno
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from grader.commands.options import (
    GRADER_FAILED,
    LEVEL_NAMES,
    SEEDS,
    choose_device,
    course_option,
    device_option,
    ends_in_one_line,
    fail,
    version_option,
    write_out,
)

if TYPE_CHECKING:
    from grader.jail.host import Zygote
    from grader.jail.isolation import Isolation
    from grader.records import Conditions, Grade, Level
    from grader.settings import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", type=click.Path())
@click.option("--exercise", "ids", multiple=True, envvar="GRADE_EXERCISE", help="Grade only this one; repeatable.")
@device_option
@click.option(
    "--seed",
    type=click.IntRange(0, SEEDS - 1),
    envvar="GRADE_SEED",
    help="Repeat a grading with its seed. Default: drawn at random.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    envvar="GRADE_FORMAT",
    show_default=True,
    help="What goes to standard output.",
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
    help="Exit with 1 below this percentage.",
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

    Prints the verdicts and writes an HTML report, named last. Exit codes: 0 graded, 1 below --fail-under, 2 usage
    error, 3 the grader itself failed.
    """
    if not os.path.exists(path):  # noqa: PTH110  (`Path.exists` raises for names that are too long)
        click.echo(f"grade: {path or 'an empty path'}: no such file or folder", err=True)
        raise SystemExit(2)
    if output is None and format_ == "text":
        output = Path("grade-report")
    seed = secrets.randbelow(SEEDS) if seed is None else seed
    with ends_in_one_line():
        grade, conditions, page = _grade(Path(path), ids, device, seed, format_, output, require, course)
    if format_ == "json":
        from grader.records import to_json

        write_out(to_json(grade))
    elif format_ == "html":
        write_out(page)
    else:
        from grader.commands.text import print_grade

        print_grade(grade, conditions, sys.stdout)
    if output is not None:
        file = _save(page, output, grade.submission, path)
        if format_ == "text":
            click.echo(f"\nReport: {file}")
    if grade.broken:
        raise SystemExit(GRADER_FAILED)
    if not grade.percent >= fail_under:  # `--fail-under nan` is no success
        raise SystemExit(1)


def _grade(
    path: Path,
    ids: tuple[str, ...],
    device: str,
    seed: int,
    format_: str,
    output: Path | None,
    require: "Level | None",
    course: "Settings",
) -> "tuple[Grade, Conditions, str]":
    from grader import slot
    from grader.errors import UsageError

    def isolate(zygote: "Zygote", measured: "Isolation", trains: bool) -> "Isolation":
        if not trains and device != "cuda":
            return measured
        return choose_device(device, zygote, measured, required=require)

    with progress_on(sys.stderr) as show, ExitStack() as stack:
        try:
            opened = stack.enter_context(slot.open_slot(course, ids, isolate, require, show=show))
        except UsageError as problem:
            raise click.UsageError(str(problem)) from None
        except slot.Refused as problem:
            fail(str(problem))
        name = path.resolve().name
        record, faults = opened.grade(path, name=name, seed=seed, chosen=ids, without=output, check=show)
    for fault in faults:
        click.echo(f"grade: the grader failed in a check:\n{fault}", err=True)
    page = ""
    if (output is not None or format_ == "html") and "html" in opened.course.reports:
        page = opened.course.reports["html"].page(record.grade, record.conditions, record.evidence)
    return record.grade, record.conditions, page


@contextmanager
def progress_on(stream: "TextIO | None") -> "Iterator[Callable[[str, str | None], None]]":
    """The live line, where there is a stream to write it to."""
    if stream is None:
        yield lambda *_: None
        return
    from grader.commands.text import progress

    with progress(stream) as show:
        yield show


def _save(page: str, output: Path, name: str, submission: str) -> Path:
    file = output / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name).lstrip('.') or 'submission'}.html"
    try:
        _refuse_links(output, submission)
        output.mkdir(parents=True, exist_ok=True)
        # replaced, not written: what lies there may be a link or a pipe of the student's
        with tempfile.NamedTemporaryFile("w", dir=output, encoding="utf-8", delete=False) as made:
            made.write(page)
        mask = os.umask(0)
        os.umask(mask)
        Path(made.name).chmod(0o666 & ~mask)
        Path(made.name).replace(file)
    except OSError as error:
        fail(f"the report cannot be written to {file}: {error.strerror}")
    return file


def _refuse_links(output: Path, submission: str) -> None:
    """A report's folder inside the submission may not be a link that the student put there. Raises OSError."""
    root, inside = os.path.realpath(submission), os.path.abspath(output)  # noqa: PTH100  (`resolve` follows links)
    if inside.startswith(root + os.sep) and os.path.realpath(inside) != inside:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
