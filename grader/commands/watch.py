"""`grade watch PATH`: the screen of a student who saves and looks."""

import secrets
import shlex
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
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
from grader.commands.text import Page, progress
from grader.summary import format_points

if TYPE_CHECKING:
    from grader.exercise import Exercise
    from grader.records import Grade
    from grader.settings import Settings
    from grader.watching import Desk, Difference, Digests, Sitting


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--exercise", "ids", multiple=True, envvar="GRADE_EXERCISE", help="Grade only this one; repeatable.")
@device_option
@click.option(
    "--seed",
    type=click.IntRange(0, SEEDS - 1),
    envvar="GRADE_SEED",
    help="The seed of every grading, so that what changes is the code. Default: drawn once at random.",
)
@course_option
@version_option
def watch(path: Path, ids: tuple[str, ...], device: str, seed: int | None, course: "Settings") -> None:
    """Grade a file or folder now, and again whenever it is saved.

    First come the checks that need no training, a second after the save; then models are trained, unless another save
    stops that. Says what changed since the last save, and what to fix first. Writes no report. Ctrl-C ends it.
    """
    if not path.parent.is_dir():
        click.echo(f"grade: {path.parent}: no such folder", err=True)
        raise SystemExit(2)
    asked: list[int] = []

    def end(number: int, _: object) -> None:
        asked.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, end)
    try:
        with ends_in_one_line():
            _watch(path, ids, device, secrets.randbelow(SEEDS) if seed is None else seed, course)
    except BaseException:
        if not asked:  # else what was under way may break in its own way while it is put away
            raise
    click.echo("\ngrade: no longer watching", err=True)


def _watch(path: Path, ids: tuple[str, ...], device: str, seed: int, course: "Settings") -> None:
    from grader.jail.host import Zygote

    # started before our own import of torch: the two take a second each, side by side
    with Zygote(course.packages) as zygote:
        from grader.course import load_course
        from grader.jail.isolation import measure
        from grader.settings import CourseError, bundled
        from grader.watching import Desk, Sitting, Source

        use_one_thread()
        loaded = load_course(course)
        try:
            exercises = loaded.pick(ids)
        except CourseError as error:
            raise click.UsageError(str(error)) from None
        isolation = measure(zygote)
        if any(exercise.trains for exercise in exercises):
            isolation = choose_device(device, zygote, isolation)
            zygote.prepare_training()
        elif device == "cuda":
            isolation = choose_device(device, zygote, isolation)
        sitting = Sitting(path, exercises, loaded, zygote, isolation.level, seed)
        chosen = [part for name in ids for part in ("--exercise", name)]
        where = [] if course.folder == bundled() else ["--course", str(course.folder)]
        again = shlex.join(["grade", "submit", str(path), *chosen, *where, "--seed", str(seed)])
        with Desk(Source(path)) as desk:
            zygote.waiting = desk.interrupt
            _Rounds(sitting, desk, again).run()


class _Rounds:
    """Save after save: judges what each one touches, and prints what is known."""

    def __init__(self, sitting: "Sitting", desk: "Desk", again: str):
        from grader.watching import Standing

        self.sitting, self.desk, self.again = sitting, desk, again
        self.standing: Standing = Standing()
        self.order: list[str] = []
        """All exercises by id; what was saved last comes first."""
        self.begun: set[str] = set()
        """Those that have a module of their own, or were once found elsewhere: what is told of."""
        self.due: set[str] = set()
        """What is still to be judged."""
        self.news: list[Difference] = []
        """What became of the last save so far, and of those before it that nothing was told of."""
        self.is_told = True
        self.grade: Grade
        """The latest."""

    def run(self) -> None:
        from grader.watching import Saved

        before: Digests = {}
        while True:
            files = self.desk.next()
            try:
                if files:
                    self._saved(before, files)
                    before = files
                    self._judge()
                else:
                    before = files
                    _print_absent(self.sitting.path)
            except Saved:
                continue

    def _saved(self, before: "Digests", files: "Digests") -> None:
        from grader.watching import mentions, touched

        exercises = self.sitting.exercises
        ids = touched(exercises, before, files, lambda module: mentions(self.sitting.path, module))
        changed = {name.removesuffix(".py") for name in files if files[name] != before.get(name)}
        self.order = sorted((exercise.id for exercise in exercises), key=lambda name: name not in changed)
        self.due |= ids
        self.begun |= {exercise.id for exercise in exercises if f"{exercise.id}.py" in files}
        for exercise in exercises:
            if exercise.id in ids:
                self.standing.doubt(exercise)
        if self.is_told:
            self.news, self.is_told = [], False

    def _judge(self) -> None:
        """First what needs no training, of all exercises; then the trainings, one exercise at a time."""
        from grader.watching import without_training

        when = time.strftime("%H:%M:%S")
        for exercise in self._in_turn():
            problem = self._judge_one(exercise, without_training(exercise))
            if problem is not None:
                self._print(f"saved at {when}", problem)
                return
            if not exercise.trains or self.standing.grades[exercise.id].status != "graded":
                self.standing.stale[exercise.id] = set()
                self.due.discard(exercise.id)
        self._print(f"saved at {when}")
        for exercise in self._in_turn():
            self._judge_one(exercise, exercise)
            self.due.discard(exercise.id)
            self._print(f"saved at {when}, {exercise.id} trained")

    def _in_turn(self) -> "list[Exercise]":
        known = {exercise.id: exercise for exercise in self.sitting.exercises}
        return [known[name] for name in self.order if name in self.due]

    def _judge_one(self, whole: "Exercise", part: "Exercise") -> str | None:
        """Judge some of an exercise's checks; why nothing can be judged, in words."""
        from grader.watch import Watch

        with progress(sys.stderr) if sys.stderr is not None else nullcontext(lambda *_: None) as show:

            def begins(exercise: str, words: str | None) -> None:
                self.desk.interrupt()
                show(exercise, words)

            def failed(fault: str) -> None:
                click.echo(f"grade: the grader failed in a check:\n{fault}", err=True)

            grade = self.sitting.judge([part], Watch(check=begins, fault=failed))
        if grade.message is not None:
            return grade.message
        self.news += self.standing.take(whole, grade.exercises[0])
        if grade.exercises[0].status not in ("missing", "error"):
            self.begun.add(whole.id)
        self.grade = grade
        return None

    def _print(self, when: str, problem: str | None = None) -> None:
        page = Page(sys.stdout)
        if page.console.is_terminal:
            page.console.clear()
        page.line(f"{self.sitting.path.resolve().name}, {when}", style="bold")
        if problem is not None:
            page.line(problem, indent=2, style="red")
        else:
            for news in self.news:
                if news.exercise in self.begun:
                    _print_difference(page, news)
            page.gap()
            self._print_standing(page)
            page.gap()
            page.row([("The report: ", "dim")], self.again, wrap=False)
        page.gap()
        sys.stdout.flush()
        self.is_told = True

    def _print_standing(self, page: "Page") -> None:
        """Points of each exercise that is there, then the first thing to fix."""
        from msgspec.structs import replace

        grades = {name: self.standing.current(name) for name in self.order}
        there = [grade for grade in grades.values() if grade.id in self.begun] or list(grades.values())
        width = max((len(grade.id) for grade in there), default=0)
        for grade in there:
            points = f"{format_points(grade.points)} of {format_points(grade.max_points)} points"
            state = "" if grade.status == "graded" else f" ({grade.status})"
            training = "; its training follows" if grade.id in self.due else ""
            page.row([(f"  {grade.id:{width}}  ", "bold")], f"{points}{state}{training}")
        others = [name for name, grade in grades.items() if grade not in there]
        if others:
            page.row([("  not begun: ", "dim")], ", ".join(others), style="dim")
        page.gap()
        _print_first(page, replace(self.grade, exercises=there), bool(self.due))


def _print_absent(path: Path) -> None:
    page = Page(sys.stdout)
    page.line(f"{path.resolve().name} is not there, or is empty; waiting for it.", style="bold")
    page.gap()
    sys.stdout.flush()


def _print_difference(page: "Page", news: "Difference") -> None:
    what = f"`{news.check}` of {news.exercise}" if news.check else news.exercise
    style = "green" if news.points > 0 else "red" if news.points < 0 else "dim"
    sign = "+" if news.points > 0 else "-" if news.points < 0 else ""
    unit = "point" if abs(news.points) == 1 else "points"
    page.row([(f"  {sign}{format_points(abs(news.points))} {unit}: ", style)], f"{what} {news.words}")


def _print_first(page: "Page", grade: "Grade", is_unfinished: bool) -> None:
    from grader.summary import first_to_fix

    fix = first_to_fix(grade)
    if fix is None:
        page.line("Nothing to fix so far." if is_unfinished else "Nothing to fix: every check passed.", style="green")
        return
    page.line("What to fix first", style="bold")
    page.line(f"{fix.exercise.id}: {fix.check.title if fix.check else fix.exercise.status}", indent=2)
    page.line(fix.reason, indent=4)
    if fix.hint:
        page.row([("    Hint: ", "bold")], fix.hint)
