"""`grade watch PATH`: prints what changed after each save."""

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, device_option, note, version_option
from grader.cli.text import Page, progress_on
from grader.records.errors import UsageError
from grader.records.seeds import SEEDS, draw
from grader.records.summary import first_to_fix, format_points

if TYPE_CHECKING:
    from grader.course.settings import Settings
    from grader.grading.listener import Listener
    from grader.records.grade import Grade
    from grader.watch.rounds import View
    from grader.watch.scoreboard import Difference


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--exercise", "ids", multiple=True, envvar="GRADE_EXERCISE", help="Grade only this exercise; repeatable.")
@device_option
@click.option(
    "--seed",
    type=click.IntRange(0, SEEDS - 1),
    envvar="GRADE_SEED",
    help="Seed for every run, so that results change only when your code does. Default: random, chosen once.",
)
@course_option
@version_option
def watch(path: Path, ids: tuple[str, ...], device: str, seed: int | None, course: "Settings") -> None:
    """Grade a file or folder now, and again whenever it is saved.

    Checks that need no training run within a second of the save; models are trained after that, unless you save again.
    Shows what changed since the last save and what to fix first. Writes no report. Press Ctrl-C to stop.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder")
    asked: list[int] = []

    def end(number: int, _: object) -> None:
        asked.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, end)
    try:
        _watch(path, ids, device, draw() if seed is None else seed, course)
    except BaseException:
        if not asked:  # else a run that was interrupted may fail while it is cleaned up
            raise
    click.echo("\ngrade: stopped watching", err=True)


def _watch(path: Path, ids: tuple[str, ...], device: str, seed: int, course: "Settings") -> None:
    from grader.course.settings import bundled
    from grader.grading.session import open_session

    with open_session(course, ids, device=device, note=note) as session:
        from grader.watch.changes import ChangeQueue, Source
        from grader.watch.rounds import Rounds

        chosen = [part for name in ids for part in ("--exercise", name)]
        where = [] if course.folder == bundled() else ["--course", str(course.folder)]
        again = shlex.join(["grade", "submit", str(path), *chosen, *where, "--seed", str(seed)])
        with ChangeQueue(Source(path)) as changes:
            session.jail.waiting = changes.interrupt
            Rounds(session, path, seed, changes, _Screen(path, again)).run()


class _Screen:
    """Prints the results after each save."""

    def __init__(self, path: Path, again: str):
        self._path, self._again = path, again

    def absent(self) -> None:
        """Print that there is nothing at the path."""
        page = Page(sys.stdout)
        page.line(f"{self._path.resolve().name} does not exist or is empty; waiting for it.", style="bold")
        page.gap()
        sys.stdout.flush()

    @contextmanager
    def judging(self) -> "Iterator[Listener]":
        """Show progress on a line of its own."""
        from grader.grading.listener import Listener

        with progress_on(sys.stderr) as show:
            yield Listener(check=show, internal_error=_print_fault)

    def show(self, view: "View") -> None:
        """Print what changed, the points, and what to fix first."""
        page = Page(sys.stdout)
        if page.console.is_terminal:
            page.console.clear()
        page.line(f"{self._path.resolve().name}, {view.when}", style="bold")
        if view.problem is not None:
            page.line(view.problem, indent=2, style="red")
        else:
            for news in view.news:
                _print_difference(page, news)
            page.gap()
            _print_standing(page, view)
            page.gap()
            page.row([("The report: ", "dim")], self._again, wrap=False)
        page.gap()
        sys.stdout.flush()


def _print_fault(fault: str) -> None:
    click.echo(f"grade: the grader failed in a check:\n{fault}", err=True)


def _print_standing(page: "Page", view: "View") -> None:
    """Print the points of each exercise that was found, then the first thing to fix."""
    width = max((len(grade.id) for grade in view.grades), default=0)
    for grade in view.grades:
        points = f"{format_points(grade.points)} of {format_points(grade.max_points)} points"
        state = "" if grade.status == "graded" else f" ({grade.status})"
        training = "; its training follows" if grade.id in view.due else ""
        page.row([(f"  {grade.id:{width}}  ", "bold")], f"{points}{state}{training}")
    if view.others:
        page.row([("  not started: ", "dim")], ", ".join(view.others), style="dim")
    page.gap()
    if view.grade is not None:
        _print_first(page, view.grade, bool(view.due))


def _print_difference(page: "Page", news: "Difference") -> None:
    what = f"`{news.check}` of {news.exercise}" if news.check else news.exercise
    style = "green" if news.points > 0 else "red" if news.points < 0 else "dim"
    sign = "+" if news.points > 0 else "-" if news.points < 0 else ""
    unit = "point" if abs(news.points) == 1 else "points"
    page.row([(f"  {sign}{format_points(abs(news.points))} {unit}: ", style)], f"{what} {news.words}")


def _print_first(page: "Page", grade: "Grade", is_unfinished: bool) -> None:
    fix = first_to_fix(grade)
    if fix is None:
        page.line("Nothing to fix so far." if is_unfinished else "Nothing to fix: every check passed.", style="green")
        return
    page.line("What to fix first", style="bold")
    page.line(f"{fix.exercise.id}: {fix.check.title if fix.check else fix.exercise.status}", indent=2)
    page.line(fix.reason, indent=4)
    if fix.hint:
        page.row([("    Hint: ", "bold")], fix.hint)
