"""`grade verify [ID...]`."""

import secrets
import sys
from typing import TYPE_CHECKING

import click

from grader.commands.options import (
    SEEDS,
    choose_device,
    course_option,
    device_option,
    ends_in_one_line,
    use_one_thread,
    version_option,
)

if TYPE_CHECKING:
    from grader.course import Course
    from grader.exercise import Exercise
    from grader.jail.host import Zygote
    from grader.settings import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--seed", type=click.IntRange(0, SEEDS - 1), envvar="GRADE_SEED", help="Default: drawn at random.")
@click.option(
    "--only",
    multiple=True,
    metavar="SOLUTION",
    help="A folder of solutions/ to look at alone, such as the mistake in hand; may be given again.",
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
    from grader.jail.host import Zygote

    seed = secrets.randbelow(SEEDS) if seed is None else seed
    with ends_in_one_line(), Zygote(course.packages) as zygote:
        from grader.course import load_course
        from grader.jail.isolation import measure
        from grader.settings import CourseError
        from grader.verify import solutions_of
        from grader.verify import verify as verify_course

        use_one_thread()
        loaded = load_course(course)
        solutions = solutions_of(loaded)
        if solutions is None:
            raise click.UsageError(f"{course.folder} has no solutions/ folder to verify against")
        unknown = [name for name in only if not (solutions / name).is_dir()]
        if unknown:
            raise click.UsageError(f"solutions/ has no folder {unknown[0]!r}")
        try:
            exercises = loaded.pick(ids)
        except CourseError as error:
            raise click.UsageError(str(error)) from None
        trains = any(exercise.trains for exercise in exercises)
        if trains or device == "cuda":
            choose_device(device, zygote, measure(zygote))
        if calibrate is not None:
            _calibrate(loaded, exercises, zygote, calibrate, mistakes)
            return
        if trains:
            zygote.prepare_training()
        problems = warnings = 0
        for finding in verify_course(loaded, exercises, zygote, seed=seed, only=only):
            word = "PROBLEM" if finding.problem else "warning" if finding.warning else "ok"
            click.echo(f"{word:8} {finding.exercise:16} {finding.subject:28} {finding.seen}")
            for text in (finding.problem, finding.warning):
                if text is not None:
                    click.echo(f"         {text}")
            problems += finding.problem is not None
            warnings += finding.warning is not None
            sys.stdout.flush()
    well = "All is as the solutions say" if only else "The course proves itself"
    also = f"; {warnings} warnings" if warnings else ""
    click.echo(f"\n{well if not problems else f'{problems} problems'} (seed {seed}){also}.")
    if problems:
        raise SystemExit(1)


def _calibrate(
    course: "Course", exercises: "list[Exercise]", zygote: "Zygote", count: int, mistakes: int | None
) -> None:
    from grader import calibration
    from grader.calibrating import calibrate

    for exercise in exercises:
        for row in calibrate(course, exercise, zygote, count, mistakes):
            score = "refused" if row.score is None else f"{row.score:.3g}"
            click.echo(f"{exercise.id:16} {row.solution:28} seed {row.seed}  {score:>8}  share {row.share:g}")
        for check in exercise.checks:
            found = calibration.load(course.settings.folder, exercise.id, check.id, zygote.device)
            if check.task is not None and found is not None:
                click.echo(calibration.statement(found))
