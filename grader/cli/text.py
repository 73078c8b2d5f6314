"""A grade for the terminal, in the report's order, and the live line while grading runs.

rich is imported where it is used, so that `grade --help` does not wait for it. Everything students
control passes through `sanitize` and is printed as `Text`: never markup, never an escape sequence.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from grader.records.grade import Conditions, ExerciseGrade, Grade, Verdict
from grader.records.summary import first_to_fix, format_points

STYLES = {
    "passed": "green",
    "partial": "yellow",
    "failed": "red",
    "disallowed": "red",
    "invalid": "red",
    "error": "magenta",
    "crashed": "magenta",
    "timeout": "magenta",
    "memory": "magenta",
    "graded": "bold",
}
"""The colour of a status. The word is always printed too; other statuses are dim."""

Show = Callable[[str, str | None], None]
"""Takes the current exercise and the title of its check, None before the first."""

WORD_WIDTH = len("skipped")
NARROWEST = 12
"""Columns a text keeps next to its label; a narrower terminal wraps on its own."""

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters (except tab and newline) and those that change the direction of writing."""


def print_grade(grade: Grade, conditions: Conditions, stream: TextIO) -> None:
    """Print everything a student should know: what to fix first, each check, how it was graded, the total."""
    page = Page(stream)
    page.line(grade.submission, style="bold")
    page.gap()
    _print_first(page, grade)
    for exercise in grade.exercises:
        page.gap()
        _print_exercise(page, exercise)
    page.gap()
    _print_conditions(page, grade, conditions)
    page.gap()
    _print_total(page, grade)


@contextmanager
def progress(stream: TextIO) -> Iterator[Show]:
    """Yield `show(exercise_id, check_title)`: one line that replaces itself and disappears at the end.

    Only if `stream` is a terminal; nothing is written to a file or a pipe.
    """
    if not stream.isatty():
        yield _show_nothing
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    page = Page(stream)
    one_line = Column(no_wrap=True, overflow="crop")
    what = TextColumn("{task.description}", markup=False, table_column=one_line)
    columns = (SpinnerColumn("line"), what, TimeElapsedColumn())  # ASCII: any encoding can write it
    # The streams stay as they are: with `--format json` standard output belongs to the document alone.
    bars = Progress(*columns, console=page.console, transient=True, redirect_stdout=False, redirect_stderr=False)
    with bars:
        task = bars.add_task("", total=None)

        def show(exercise_id: str, check_title: str | None) -> None:
            words = exercise_id if check_title is None else f"{exercise_id}: {check_title}"
            bars.reset(task, total=None, description=page.sanitize(" ".join(words.split())))

        yield show


@contextmanager
def progress_on(stream: TextIO | None) -> Iterator[Show]:
    """The live line, if there is a stream for it."""
    if stream is None:
        yield _show_nothing
        return
    with progress(stream) as show:
        yield show


def _show_nothing(exercise_id: str, check_title: str | None) -> None:
    pass


class Page:
    """A stream to print plain text on, wrapped at its width."""

    def __init__(self, stream: TextIO):
        from rich.console import Console

        self.encoding = getattr(stream, "encoding", None) or "utf-8"
        self.console = Console(file=stream, markup=False, highlight=False, emoji=False)

    def sanitize(self, text: str) -> str:
        """Escape control characters, which a terminal would obey, and what the stream cannot encode."""
        visible = UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], text.expandtabs(4))
        return visible.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def gap(self) -> None:
        self.console.print()

    def line(self, text: str, indent: int = 0, style: str = "") -> None:
        """A paragraph with every line indented."""
        self.row([(" " * indent, "")], text, style)

    def row(self, lead: list[tuple[str, str]], text: str, style: str = "", wrap: bool = True) -> None:
        """A label of (text, style) parts, then a text whose lines are aligned after it.

        With `wrap=False` long lines are left to the terminal, so that they can be copied whole.
        """
        from rich.text import Text

        start = Text.assemble(*((self.sanitize(word), style) for word, style in lead))
        width = max(self.console.width - start.cell_len, NARROWEST)
        body = Text(self.sanitize(text.rstrip()), style=style)
        for part in body.wrap(self.console, width, overflow="fold") if wrap else body.split():
            part.rstrip()
            self.console.print(start, part, sep="", soft_wrap=True)
            start = Text(" " * start.cell_len)


def _print_first(page: Page, grade: Grade) -> None:
    fix = first_to_fix(grade)
    page.line("What to fix first", style="bold")
    if grade.status == "invalid":
        page.line("The submission could not be read.", indent=2)
        page.line(grade.message or "", indent=2)
    elif fix:
        title = f"{fix.exercise.id}: {fix.check.title if fix.check else fix.exercise.status}"
        page.line(title, indent=2)
        _print_reason(page, fix.reason, fix.hint, indent=4)
    elif grade.broken:
        page.line("Nothing on your side: the grader failed on an exercise.", indent=2)
    else:
        page.line("Nothing: every check passed.", indent=2)


def _print_exercise(page: Page, exercise: ExerciseGrade) -> None:
    is_broken = exercise.status == "broken"
    points = "not counted" if is_broken else _of(exercise.points, exercise.max_points)
    page.line(f"{exercise.id}: {exercise.title}", style="bold")
    page.line(f"{exercise.status}, {points}", indent=2, style=_style(exercise.status))
    if is_broken:
        page.line("The grader itself failed here. This is not your mistake.", indent=2)
    if exercise.message:
        page.line(exercise.message, indent=2)
    width = max((len(_of(check.points, check.max_points)) for check in exercise.checks), default=0)
    for check in exercise.checks:
        _print_check(page, check, width, is_explained=bool(exercise.message) and check.status == "skipped")
    for note in exercise.notes:
        _print_note(page, note)


def _print_check(page: Page, check: Verdict, width: int, is_explained: bool) -> None:
    """One line; the reason and the hint follow, unless the exercise's own message already says why."""
    points = _of(check.points, check.max_points)
    word = (f"  {check.status:{WORD_WIDTH}}  ", _style(check.status))
    page.row([word, (f"{points:{width}}  ", "")], check.title)
    if check.status != "passed" and not is_explained:
        _print_reason(page, check.message, check.hint, indent=6)


def _print_reason(page: Page, reason: str, hint: str | None, indent: int) -> None:
    if reason:
        page.line(reason, indent=indent)
    if hint:
        page.row([(" " * indent + "Hint: ", "bold")], hint)


def _print_conditions(page: Page, grade: Grade, conditions: Conditions) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in conditions.versions.items())
    page.line("How it was graded", style="bold")
    facts = {
        "isolation": grade.isolation,
        "device": grade.device,
        "seed": str(grade.seed),
        "time": f"{grade.seconds:.1f} seconds",
        "versions": versions,
    }
    for name, fact in facts.items():
        if fact:
            page.row([(f"  {name:9}  ", "dim")], fact)
    page.row([("  again      ", "dim")], conditions.command, wrap=False)
    for note in (*conditions.notes, *conditions.error_rates):
        _print_note(page, note)


def _print_note(page: Page, note: str) -> None:
    page.row([("  Note: ", "bold")], note)


def _print_total(page: Page, grade: Grade) -> None:
    total = _of(grade.points, grade.max_points)
    page.line(f"Total: {total} points, {format_points(grade.percent)} % ({grade.status})", style="bold")


def _style(status: str) -> str:
    return STYLES.get(status, "dim")


def _of(points: float, max_points: float) -> str:
    return f"{format_points(points)} of {format_points(max_points)}"
