"""`grade batch PATH`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grader.cli.options import LEVEL_NAMES, course_option, device_option, gradebook_option, version_option
from grader.records.errors import GraderFault, UsageError
from grader.records.seeds import SEEDS, draw

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from grader.batch.gradebook import Gradebook, Policy
    from grader.batch.run import Batch, Done, Plan
    from grader.course.loading import Course
    from grader.course.settings import Settings
    from grader.intake.ingest import Ingest
    from grader.records.limits import Level


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--exercise", "ids", multiple=True, envvar="GRADE_EXERCISE", help="Grade only this exercise; repeatable.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 1000),
    envvar="GRADE_JOBS",
    help="Number of submissions to grade in parallel. Default: one per processor.",
)
@gradebook_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("grade-report"),
    envvar="GRADE_OUTPUT",
    show_default=True,
    help="Folder for the reports.",
)
@click.option("--layout", envvar="GRADE_LAYOUT", help="Layout of the download. Default: detected automatically.")
@click.option(
    "--pattern",
    metavar="REGEX",
    envvar="GRADE_PATTERN",
    help="For any other layout: a regular expression for file paths, with the named group `student` and optionally "
    "`file`, `name`, `email`, `when`, `late`.",
)
@click.option(
    "--roster",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="GRADE_ROSTER",
    help="CSV of the class: names, email addresses, and who submitted nothing.",
)
@click.option(
    "--counts",
    type=click.Choice(["latest", "best"]),
    envvar="GRADE_COUNTS",
    help="Which of a student's submissions counts. Default: the gradebook's setting, else latest.",
)
@click.option(
    "--executor",
    default="local",
    envvar="GRADE_EXECUTOR",
    show_default=True,
    help="What runs the grading: see `grade plugins`.",
)
@click.option(
    "--executor-option",
    "executor_options",
    multiple=True,
    metavar="K=V",
    envvar="GRADE_EXECUTOR_OPTION",
    help="Option for the executor; repeatable.",
)
@click.option("--force", is_flag=True, envvar="GRADE_FORCE", help="Regrade submissions that already have a grade.")
@click.option("--trust", is_flag=True, envvar="GRADE_TRUST", help="Grade even if isolation is below `basic`.")
@device_option
@click.option(
    "--seed",
    type=click.IntRange(0, SEEDS - 1),
    envvar="GRADE_SEED",
    help="Seed of the run. Default: the seed stored in the gradebook, else drawn at random.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    envvar="GRADE_FORMAT",
    show_default=True,
    help="What to print to standard output: a summary, every grade, or the class page.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    default=0.0,
    envvar="GRADE_FAIL_UNDER",
    help="Exit with 1 if the lowest percentage is below this.",
)
@click.option(
    "--require",
    type=click.Choice(LEVEL_NAMES),
    envvar="GRADE_REQUIRE",
    help="Refuse to grade below this isolation level (exit 3). Default: basic.",
)
@course_option
@version_option
def batch(path: Path, format_: str, fail_under: float, course: "Settings", output: Path, **options: Any) -> None:
    """Grade every submission in a folder or in an LMS download.

    Each grade is saved as soon as it is computed. If the run is stopped, run the same command again: it resumes and
    skips submissions that already have a grade. Reports are written at the end; `grade report` regenerates them, `grade
    export` fills in an LMS's gradebook file. Exit codes: 0 graded, 1 below --fail-under, 2 usage error, 3 the grader
    itself failed.
    """
    if not os.path.lexists(path):
        raise UsageError(f"{path}: no such file or folder")
    from grader.batch.executors import LOCAL
    from grader.course.loading import load_course
    from grader.jail.environment import check_inherited

    if options["executor"] == LOCAL:  # other machines check their own limits
        check_inherited()
    run = _Run(load_course(course), path, output, format_, options)
    broken, lowest = run.all()
    if broken:
        raise SystemExit(GraderFault.exit_code)
    if not lowest >= fail_under:
        raise SystemExit(1)


class _Run:
    """One run of the command."""

    def __init__(self, course: "Course", path: Path, output: Path, format_: str, options: dict[str, Any]):
        from grader.cli.class_text import ClassText

        self.course, self.path, self.output, self.format, self.options = course, path, output, format_, options
        self.jobs: int = options["jobs"] or len(os.sched_getaffinity(0))
        self.text = ClassText(sys.stderr)

    def all(self) -> tuple[bool, float]:
        """Ingest, grade, report. Returns whether any grade is broken, and the lowest percentage."""
        from grader.batch.executors import make_executor
        from grader.batch.gradebook import open_gradebook
        from grader.batch.reports import STUDENTS
        from grader.course.layouts import BadDownload
        from grader.intake.ingest import open_download

        options = self.options
        output = Path(os.path.realpath(self.output))
        if Path(os.path.realpath(self.path)) in (output, output / STUDENTS):
            raise UsageError(
                f"{self.path}: the report folder is inside the submissions folder; choose another with --output"
            )
        executors = self.course.executors
        executor = make_executor(executors, options["executor"], options["executor_options"], self.jobs)
        how = options["layout"], options["pattern"], options["roster"]
        with open_download(self.path, self.course, *how, self.output) as found:
            self.text.ingest(found)
            if not found.found.uploads:
                raise BadDownload(f"{self.path}: no submissions found")
            with open_gradebook(options["gradebook"], create=True) as book:
                self._grade(self._batch(book), found, executor)
                return self._report(book, found)

    def _batch(self, book: "Gradebook") -> "Batch":
        from grader.batch.run import Batch
        from grader.batch.worker import TaskSpec
        from grader.course.fingerprint import hash_of_course

        options = self.options
        self.course.pick(options["ids"])  # refuse an unknown id before anything is stored
        required: Level = options["require"] or ("process" if options["trust"] else "basic")
        settings = self.course.settings
        spec = TaskSpec(
            str(settings.folder), hash_of_course(settings), list(options["ids"]), options["device"], required
        )
        policy: Policy | None = options["counts"]
        book.policy(policy)
        seed = book.seed(options["seed"], draw)
        return Batch(self.course, spec, book, seed, force=options["force"])

    def _grade(self, batch: "Batch", found: "Ingest", executor: "Executor") -> None:
        from grader.batch.run import Estimate
        from grader.grading.session import CannotGrade

        try:
            with self.text.counting("reading", len(found.found.uploads)) as show:
                plan: Plan = batch.plan(found.found.uploads, show)
            self.text.plan(plan)
            estimate = Estimate(len(plan.todo))
            with self.text.grading(len(plan.todo)) as show_done:
                done: Done
                for done in batch.run(plan.todo, executor, self.jobs):
                    show_done(done, estimate.done())
        except CannotGrade as problem:
            executor.shutdown(wait=False, cancel_futures=True)
            advice = "; --trust grades anyway" if "is required, this machine reaches" in str(problem) else ""
            raise CannotGrade(f"{problem}{advice}") from None
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
        executor.shutdown()

    def _report(self, book: "Gradebook", found: "Ingest") -> tuple[bool, float]:
        """Write the reports for the whole gradebook, then the summary."""
        from grader.cli.options import write_out
        from grader.cli.report import write_reports

        notes = [f"{skipped.what}: {skipped.why}" for skipped in found.found.skipped]
        files = write_reports(self.course, book, self.options["gradebook"], self.output, self.jobs, self.text, notes)
        keys = {member.key for upload in found.found.uploads for member in upload.members}
        rows = [row for row in book.rows() if row.student in keys]
        if self.format == "json":
            from grader.records.grade import batch_to_json

            write_out(batch_to_json(rows))
        elif self.format == "html" and files:
            write_out(files[0].read_text(encoding="utf-8"))
        elif self.format == "text":
            self.text.summary(rows, files, self.options["gradebook"], sys.stdout)
        lowest = min((row.percent for row in rows), default=0.0)
        return any(row.grade.broken for row in rows), lowest
