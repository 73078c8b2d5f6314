"""What `grade batch` prints: what was found, progress, and a summary.

Progress goes to standard error: a bar that replaces itself on a terminal, a line per submission elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, TextIO

from grader.cli.text import Page
from grader.records.grade import Row
from grader.records.sanitize import one_line
from grader.records.summary import format_points

if TYPE_CHECKING:
    from grader.batch.run import Done, Plan
    from grader.intake.ingest import Ingest

_SHOWN = 20
_NAME_WIDTH = 32
_MINUTE = 60


class ClassText:
    """Reports on a batch, on a stream."""

    def __init__(self, stream: TextIO):
        self.page = Page(stream)
        self.is_live = stream.isatty()

    def ingest(self, ingest: "Ingest") -> None:
        """Before grading starts: what was matched, skipped, or needs a look."""
        found, page = ingest.found, self.page
        students = {member.key for upload in found.uploads for member in upload.members}
        late = sum(upload.late for upload in found.uploads)
        doubtful = [(upload.members[0], doubt) for upload in found.uploads for doubt in upload.doubts]
        page.line(
            f"Layout '{ingest.layout}': {_count(len(found.uploads), 'submission')} from "
            f"{_count(len(students), 'student')}, {late} late, {len(found.skipped)} skipped, {len(doubtful)} doubtful."
        )
        rows = [("doubtful", f"{member.key} {member.name}".strip(), doubt) for member, doubt in doubtful]
        rows += [("skipped", skipped.what, skipped.why) for skipped in found.skipped]
        rows += [("left out", note, "") for note in ingest.notes]
        for word, what, why in rows[:_SHOWN]:
            page.row([(f"  {word:8}  ", "yellow")], one_line(f"{what}: {why}" if why else what, 300))
        if len(rows) > _SHOWN:
            page.line(f"  ... and {len(rows) - _SHOWN} more")

    def plan(self, plan: "Plan") -> None:
        """What is already graded, and what will be graded."""
        done = sum(len(work.uploads) for work in plan.done)
        todo = sum(len(work.uploads) for work in plan.todo)
        same = todo - len(plan.todo)
        doubles = f" ({same} identical to another)" if same else ""
        has = f"; {done} {'is' if done == 1 else 'are'} already graded" if done else ""
        self.page.line(f"Grading {_count(todo, 'submission')}{doubles}{has}.")

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Count on a terminal while something takes a while."""
        with self._bar(what, total) as bar:
            yield lambda count: bar(count, "")

    @contextmanager
    def grading(self, total: int) -> Iterator["Callable[[Done, float], None]"]:
        """Yield a function that shows each grade, with running totals and an estimate of the time left."""
        count, faults, percents = 0, 0, 0.0
        with self._bar("grading", total) as bar:

            def show_done(done: "Done", rest: float) -> None:
                nonlocal count, faults, percents
                count += 1
                faults += done.fault is not None and done.grade.broken
                percents += done.grade.percent
                totals = f"mean {percents / count:.0f} %" + (f", {faults} internal errors" if faults else "")
                bar(count, f"{totals}, {_duration(rest)} left")
                if done.fault is not None:
                    self.page.line(
                        f"internal error, {one_line(done.work.name, 60)}: {one_line(done.fault[-600:], 600)}"
                    )
                elif not self.is_live:
                    self.page.line(f"{count}/{total}  {_result(done)}, {_duration(rest)} left")

            yield show_done

    def summary(self, rows: Sequence[Row], files: Sequence[Path], url: str, stream: TextIO) -> None:
        """On standard output: how the class did, whom to look at, where the files are."""
        from grader.batch.database import without_password

        page = Page(stream)
        percents = [row.percent for row in rows if not row.grade.broken]
        page.line(f"{_count(len(rows), 'student')} graded", style="bold")
        if percents:
            page.line(
                f"  mean {mean(percents):.1f} %, median {median(percents):.1f} %, from {min(percents):.1f} to "
                f"{max(percents):.1f} %"
            )
        for word, chosen in (
            ("internal error", [row for row in rows if row.grade.broken]),
            ("invalid", [row for row in rows if row.grade.status == "invalid"]),
            ("flagged", [row for row in rows if row.grade.flags]),
        ):
            if chosen:
                names = ", ".join(row.name or row.student for row in chosen[:_SHOWN])
                more = f" and {len(chosen) - _SHOWN} more" if len(chosen) > _SHOWN else ""
                page.row([(f"  {word:14}  ", "yellow")], f"{len(chosen)}: {names}{more}")
        page.gap()
        page.row([("Gradebook: ", "")], without_password(url), wrap=False)
        for file in files[:1]:
            page.row([("Report: ", "")], str(file), wrap=False)

    @contextmanager
    def _bar(self, what: str, total: int) -> Iterator[Callable[[int, str], None]]:
        if not self.is_live or not total:
            yield lambda count, words: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn(what),
            BarColumn(30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )
        with Progress(*columns, console=self.page.console, transient=True, redirect_stdout=False) as bars:
            task = bars.add_task("", total=total)
            yield lambda count, words: bars.update(task, completed=count, description=self.page.sanitize(words))


def _result(done: "Done") -> str:
    grade = done.grade
    points = f"{format_points(grade.points)} of {format_points(grade.max_points)}"
    return f"{one_line(done.work.name, _NAME_WIDTH):{_NAME_WIDTH}}  {points}, {grade.status}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _MINUTE * _MINUTE:
        return f"{seconds / _MINUTE:.0f} min"
    minutes = round(seconds / _MINUTE)
    return f"{minutes // _MINUTE}:{minutes % _MINUTE:02} h"
