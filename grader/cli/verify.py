"""`grade verify [ID...]`."""

import sys
from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, device_option, note, version_option
from grader.records.errors import UsageError
from grader.records.seeds import SEEDS, draw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grader.course.settings import Settings
    from grader.grading.session import Session
    from grader.learning.learned import Learned
    from grader.verify.gradings import Grading, Seen
    from grader.verify.verify import Finding


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--seed", type=click.IntRange(0, SEEDS - 1), envvar="GRADE_SEED", help="Seed of the run. Default: drawn at random."
)
@click.option(
    "--only",
    multiple=True,
    metavar="SOLUTION",
    help="Verify only this solution folder; repeatable.",
)
@click.option(
    "--calibrate",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Measure the learning checks instead: train each reference, and each mistake a learning check must catch, "
    "with N seeds. Resumes an interrupted run.",
)
@click.option(
    "--whole",
    is_flag=True,
    help="Run every check on each mistake, not only up to the one that catches it. Takes longer.",
)
@click.option(
    "--scores",
    is_flag=True,
    help="Show the scores of references and mistakes in each learning check next to its thresholds. With --whole, "
    "include mistakes caught before training.",
)
@click.option(
    "--mistakes", type=click.IntRange(1, 10_000), metavar="M", help="With --calibrate: seeds per mistake. Default: N."
)
@device_option
@course_option
@version_option
def verify(
    ids: tuple[str, ...],
    seed: int | None,
    only: tuple[str, ...],
    whole: bool,
    scores: bool,
    calibrate: int | None,
    mistakes: int | None,
    device: str,
    course: "Settings",
) -> None:
    """Check the course against the sample solutions in its solutions/ folder.

    References must earn full marks and starters nothing. Each mistake must lose points at the check that its first line
    names, with the hint it promises, and the first thing a student reads must name the mistake too. Each check must
    fail on at least one mistake. Exits with 1 otherwise.

    Grading of a mistake stops at the check that must catch it. All checks run if the mistake has a `Kind: ` line or
    is part of a pair.

    Also warns about unmeasured error rates, mistakes without a hint, slow references, and trained models that no check
    examines.
    """
    from grader.grading.session import open_session

    seed = draw() if seed is None else seed
    with open_session(course, ids, device=device, note=note) as session:
        _refuse_unknown(session, only)
        if calibrate is not None:
            _calibrate(session, calibrate, mistakes)
            return
        problems = report_findings(session, seed, only=only, whole=whole, scores=scores)
    if problems:
        raise SystemExit(1)


def _refuse_unknown(session: "Session", only: tuple[str, ...]) -> None:
    """Raise `UsageError` if there are no solutions, or not the ones named."""
    from grader.verify.claims import solutions_of, solutions_to

    course = session.course
    if solutions_of(course) is None:
        raise UsageError(f"{course.settings.folder} has no solutions/ folder to verify against")
    known = {folder.name for exercise in session.exercises for folder in solutions_to(course, exercise)}
    for name in only:
        if name not in known:
            asked = ", ".join(exercise.id for exercise in session.exercises)
            raise UsageError(f"solutions/ has no folder {name!r} with a solution to {asked}")


def report_findings(
    session: "Session",
    seed: int,
    *,
    only: tuple[str, ...] = (),
    whole: bool = False,
    scores: bool = False,
    seen: "Seen" = lambda _: None,
) -> int:
    """Verify the session's exercises, printing findings as they arrive. Returns the number of problems.

    Args:
        whole, scores: as the options.
        seen: called with each grading.
    """
    from grader.verify.gradings import Gradings
    from grader.verify.verify import verify

    learned: dict[tuple[str, str], dict[str, Learned]] = {}

    def note_scores(grading: "Grading") -> None:
        for check, found in grading.learned:
            learned.setdefault((grading.grade.id, check), {})[grading.name] = found
        seen(grading)

    problems, warnings = _print_findings(verify(Gradings(session, seed, is_whole=whole, seen=note_scores), only=only))
    if scores:
        _print_scores(session, learned)
    well = "The chosen solutions are verified" if only else "The course is verified"
    also = f"; {warnings} warnings" if warnings else ""
    click.echo(f"\n{well if not problems else f'{problems} problems'} (seed {seed}){also}.")
    return problems


def _print_findings(findings: "Iterator[Finding]") -> tuple[int, int]:
    """Print each finding. Returns how many problems and warnings there were."""
    problems = warnings = 0
    for finding in findings:
        word = "PROBLEM" if finding.problem else "warning" if finding.warning else "ok"
        click.echo(f"{word:8} {finding.exercise:16} {finding.subject:28} {finding.seen}")
        for text in (finding.problem, finding.warning):
            if text is not None:
                click.echo(f"         {text}")
        problems += finding.problem is not None
        warnings += finding.warning is not None
        sys.stdout.flush()
    return problems, warnings


def _print_scores(session: "Session", learned: "Mapping[tuple[str, str], Mapping[str, Learned]]") -> None:
    """Print a ladder for each learning check: scores from best to worst, with the thresholds marked."""
    from grader.learning.run import in_words
    from grader.verify.scores import ladder

    for exercise in session.exercises:
        for check in exercise.checks:
            found = ladder(check, learned.get((exercise.id, check.id), {}))
            if found is None:
                continue
            click.echo(f"\n{exercise.id}.{check.id}: {found.metric}")
            for rung in found.rungs:
                score = in_words(rung.score)
                threshold = f"----- {rung.name}"
                click.echo(f"{score:>14}  {threshold if rung.share is None else f'{rung.share:5.0%} {rung.name}'}")


def _calibrate(session: "Session", count: int, mistakes: int | None) -> None:
    from grader.course import calibration
    from grader.verify.calibrate import calibrate

    folder, device = session.course.settings.folder, session.jail.device
    for exercise in session.exercises:
        for row in calibrate(session, exercise, count, mistakes):
            score = "refused" if row.score is None else f"{row.score:.3g}"
            click.echo(
                f"{exercise.id:16} {row.solution:28} seed {row.seed}.{row.number}  {score:>8}  {row.steps} steps"
            )
        for check in exercise.checks:
            found = calibration.load(folder, exercise, check, device) if check.task is not None else None
            if found is not None:
                click.echo(calibration.statement(found))
