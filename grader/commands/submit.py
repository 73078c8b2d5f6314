"""`grade submit PATH`."""

import errno
import os
import re
import secrets
import shlex
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.commands.options import (
    GRADER_FAILED,
    SEEDS,
    choose_device,
    course_option,
    device_option,
    ends_in_one_line,
    fail,
    use_one_thread,
    version_option,
)

if TYPE_CHECKING:
    from grader.course import Course
    from grader.exercise import Exercise
    from grader.figures import Figure
    from grader.jail.host import Zygote
    from grader.jail.isolation import Isolation
    from grader.records import Conditions, Grade, Level
    from grader.settings import Settings

_LEVEL_NAMES = ("process", "basic", "strong", "full")


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
    type=click.Choice(_LEVEL_NAMES),
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
    """Grade one submission: a folder, a .py file or a .zip archive.

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

        _write_out(to_json(grade))
    elif format_ == "html":
        _write_out(page)
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
    from grader.jail.host import Zygote

    # started before our own import of torch: the two take a second each, side by side
    with Zygote(course.packages) as zygote:
        from grader import calibration
        from grader.calibrating import measured_or_trained
        from grader.commands.text import progress
        from grader.course import load_course
        from grader.grading import grade
        from grader.jail.isolation import measure
        from grader.records import Limits
        from grader.submissions import stage
        from grader.watch import Watch

        use_one_thread()
        loaded = load_course(course)
        exercises = _pick(loaded, ids)
        isolation = measure(zygote)
        trains = any(exercise.trains for exercise in exercises)
        if trains or device == "cuda":
            isolation = choose_device(device, zygote, isolation, required=require)
        if require is not None:
            _refuse_below(require, isolation)
        if trains:
            zygote.prepare_training()
        submission = stage(path, zygote, Limits(**course.limits), without=output)  # type: ignore[arg-type]
        evidence: dict[str, list[Figure]] = {}
        with progress(sys.stderr) if sys.stderr is not None else nullcontext(lambda *_: None) as show:
            measured = measured_or_trained(loaded, exercises, zygote, show)
            watch = Watch(
                check=show,
                fault=lambda fault: click.echo(f"grade: the grader failed in a check:\n{fault}", err=True),
                figure=lambda exercise, figure: evidence.setdefault(exercise, []).append(figure),
                calibration=lambda exercise, check: measured.get((exercise, check)),
            )
            result = grade(submission, exercises, loaded, zygote, level=isolation.level, seed=seed, watch=watch)
        rates = [calibration.statement(found) for found in measured.values()]
        conditions = _conditions(path, ids, seed, course.folder, isolation, rates, zygote)
        page = ""
        if (output is not None or format_ == "html") and "html" in loaded.reports:
            page = loaded.reports["html"].page(result, conditions, evidence)
        return result, conditions, page


def _pick(course: "Course", ids: tuple[str, ...]) -> "list[Exercise]":
    from grader.settings import CourseError

    try:
        return course.pick(ids)
    except CourseError as error:
        raise click.UsageError(str(error)) from None


def _refuse_below(required: "Level", isolation: "Isolation") -> None:
    from grader.records import LEVELS

    if LEVELS.index(isolation.level) < LEVELS.index(required):
        fail(
            f"isolation '{required}' is required, this machine reaches '{isolation.level}': "
            f"{isolation.missing_for(required)}; see `grade doctor`"
        )


def _conditions(
    path: Path,
    ids: tuple[str, ...],
    seed: int,
    course: Path,
    isolation: "Isolation",
    notes: list[str],
    zygote: "Zygote",
) -> "Conditions":
    from grader.plain import one_line
    from grader.records import Conditions
    from grader.settings import bundled
    from grader.versions import versions

    chosen = [part for name in ids for part in ("--exercise", name)]
    where = [] if course == bundled() else ["--course", course.name]
    device = [] if zygote.device == "cpu" else ["--device", zygote.device]
    command = shlex.join(
        ["grade", "submit", one_line(path.resolve().name, 255), *chosen, *where, *device, "--seed", str(seed)]
    )
    return Conditions(command, {**versions(), **zygote.device_versions}, isolation.probes, notes)


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


def _write_out(text: str) -> None:
    """Write UTF-8 whatever the terminal's encoding: documents say so of themselves."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
