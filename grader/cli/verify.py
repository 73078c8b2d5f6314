"""`grade verify [ID...]`."""

import sys
from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, device_option, note, version_option
from grader.records.errors import UsageError
from grader.records.seeds import SEEDS, draw

if TYPE_CHECKING:
    from grader.course.settings import Settings
    from grader.grading.session import Session


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--seed", type=click.IntRange(0, SEEDS - 1), envvar="GRADE_SEED", help="Default: drawn at random.")
@click.option(
    "--only",
    multiple=True,
    metavar="SOLUTION",
    help="A reference or a mistake to look at alone, by the name of its folder; may be given again.",
)
@click.option(
    "--calibrate",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Measure the learning checks instead: train each reference, and each mistake a learning check must catch, "
    "with N seeds. Goes on where it was stopped.",
)
@click.option("--mistakes", type=click.IntRange(1, 10_000), metavar="M", help="Seeds per mistake. Default: N.")
@device_option
@course_option
@version_option
def verify(
    ids: tuple[str, ...],
    seed: int | None,
    only: tuple[str, ...],
    calibrate: int | None,
    mistakes: int | None,
    device: str,
    course: "Settings",
) -> None:
    """Let the course prove itself against the submissions in its solutions/ folder.

    References must earn everything, each mistake must lose points at the check its first line names and read its hint
    there, starters must earn nothing, and each check must fail on some mistake. Exits with 1 where one does not.
    What else is missing is a warning: error rates that nobody measured, a mistake without a hint, a slow reference, a
    trained model that no check looks at.
    """
    from grader.grading.session import open_session

    seed = draw() if seed is None else seed
    _refuse_unknown(course, only)
    with open_session(course, ids, device=device, note=note) as session:
        if calibrate is not None:
            _calibrate(session, calibrate, mistakes)
            return
        problems, warnings = _print_findings(session, seed, only)
    well = "All is as the solutions say" if only else "The course proves itself"
    also = f"; {warnings} warnings" if warnings else ""
    click.echo(f"\n{well if not problems else f'{problems} problems'} (seed {seed}){also}.")
    if problems:
        raise SystemExit(1)


def _refuse_unknown(course: "Settings", only: tuple[str, ...]) -> None:
    """Raise `UsageError` where there are no solutions, or not those that were named."""
    solutions = course.folder / "solutions"
    if not solutions.is_dir():
        raise UsageError(f"{course.folder} has no solutions/ folder to verify against")
    known = {file.parent.name for place in ("*/*.py", "*/*/*.py") for file in solutions.glob(place)}
    for name in only:
        if name not in known:
            raise UsageError(f"solutions/ has no folder {name!r}")


def _print_findings(session: "Session", seed: int, only: tuple[str, ...]) -> tuple[int, int]:
    """A line or more for each finding, as it is made; how many problems and warnings there were."""
    from grader.verify.verify import verify

    problems = warnings = 0
    for finding in verify(session, seed=seed, only=only):
        word = "PROBLEM" if finding.problem else "warning" if finding.warning else "ok"
        click.echo(f"{word:8} {finding.exercise:16} {finding.subject:28} {finding.seen}")
        for text in (finding.problem, finding.warning):
            if text is not None:
                click.echo(f"         {text}")
        problems += finding.problem is not None
        warnings += finding.warning is not None
        sys.stdout.flush()
    return problems, warnings


def _calibrate(session: "Session", count: int, mistakes: int | None) -> None:
    from grader.course import calibration
    from grader.verify.calibrate import calibrate

    folder, device = session.course.settings.folder, session.jail.device
    for exercise in session.exercises:
        for row in calibrate(session, exercise, count, mistakes):
            score = "refused" if row.score is None else f"{row.score:.3g}"
            click.echo(f"{exercise.id:16} {row.solution:28} seed {row.seed}  {score:>8}  share {row.share:g}")
        for check in exercise.checks:
            found = calibration.load(folder, exercise.id, check.id, device)
            if check.task is not None and found is not None:
                click.echo(calibration.statement(found))
