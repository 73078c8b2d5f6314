"""The `grade` command: a group that imports a command only when it is called."""

import errno
import importlib
import importlib.metadata
import io
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from grader.records.errors import GraderError, GraderFault, StudentFault

_COMMANDS = {
    "submit": ("grader.cli.submit", "Grade one submission and write its report."),
    "batch": ("grader.cli.batch", "Grade a class: a folder of submissions, or an LMS download."),
    "report": ("grader.cli.report", "Regenerate the reports from a gradebook."),
    "export": ("grader.cli.export", "Export the grades for an LMS, or as CSV, JSON, JUnit."),
    "plugins": ("grader.cli.plugins", "List the plugins: where each comes from and what it adds."),
    "exercises": ("grader.cli.show", "List the exercises of the course."),
    "show": ("grader.cli.show", "Print an exercise's handout, rubric and limits."),
    "start": ("grader.cli.start", "Copy exercise starters into a folder."),
    "watch": ("grader.cli.watch", "Regrade on every save, quick checks first."),
    "verify": ("grader.cli.verify", "Check the course against its sample solutions."),
    "new": ("grader.cli.new", "Create a new exercise in a course folder."),
    "release": ("grader.cli.release", "Build the student release: the course without its solutions."),
    "doctor": ("grader.cli.doctor", "Report the isolation this machine supports, and how to improve it."),
}


class _LazyGroup(click.Group):
    """Imports a command's module when the command is asked for: `grade submit` must not wait for the others."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command so that it cleans up, however it is stopped.

        This is the only place where an error becomes a line and an exit code. `records/errors.py` says which; it is 3
        for anything else, since 1 is about a student's points.
        """
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        _outlive_readers()
        try:
            return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("grade: stopped", err=True)
        except GraderError as error:
            if isinstance(error, StudentFault):  # a missing `except`: it should have become a verdict
                traceback.print_exc()
            click.echo(f"grade: {' '.join(str(error).split())}", err=True)
            raise SystemExit(error.exit_code) from None
        except Exception as error:
            if not (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
                traceback.print_exc()
            click.echo(f"grade: the grader itself failed: {type(error).__name__}: {error}", err=True)
        raise SystemExit(GraderFault.exit_code)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in _COMMANDS:
            module = importlib.import_module(_COMMANDS[name][0])
            return getattr(module, name)
        return _of_plugins().get(name)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


class _Stream(io.FileIO):
    """A stream whose reader may leave early, as `head` does; the grading goes on regardless."""

    is_gone = False

    def write(self, data: Any) -> int:
        """Raises OSError once for other errors; what is left in buffers is not retried at exit."""
        try:
            return memoryview(data).nbytes if self.is_gone else super().write(data)
        except OSError as error:
            self.is_gone = True
            if not isinstance(error, BrokenPipeError):
                raise
            return memoryview(data).nbytes


def _outlive_readers() -> None:
    """Keep a command running when its reader leaves, or when a stream was closed from the start."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, io.TextIOWrapper(io.FileIO(os.devnull, "w"), "utf-8"))
        elif stream is getattr(sys, f"__{name}__"):  # a test's own stays
            made = io.BufferedWriter(_Stream(stream.fileno(), "w", closefd=False))
            setattr(
                sys, name, io.TextIOWrapper(made, stream.encoding, stream.errors, line_buffering=stream.line_buffering)
            )


def _of_plugins() -> dict[str, click.Command]:
    """The commands added by plugins of the course named in the environment, else of the bundled course."""
    from grader.cli.options import defaults_of
    from grader.course.loading import load_commands
    from grader.course.settings import CourseError, read_settings

    course = os.environ.get("GRADE_COURSE")
    settings = read_settings(Path(course) if course else None)
    found = load_commands(settings)
    for name, command in found.items():
        command.context_settings.setdefault("default_map", defaults_of(command, settings))
        if name in _COMMANDS:
            raise CourseError(f"a plugin adds the command '{name}', which is already taken by the grader; rename it")
    return found


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Options may also come from the environment (GRADE_SEED, GRADE_COURSE, ...) or from [tool.grade] in the "
    "course's pyproject.toml; the command line wins, then the environment.",
)
@click.version_option(importlib.metadata.version("rnn-grader"), "--version", prog_name="grade")
def main() -> None:
    """Grade recurrent-network exercises: student code runs in a sandbox (the jail) and is graded outside it.

    Try `grade submit solutions/reference`, or `grade show my_rnn`.
    """
