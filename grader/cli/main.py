"""The `grade` command: a group whose commands are imported when they are called. No grading in here."""

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
    "report": ("grader.cli.report", "Write the reports of a gradebook anew."),
    "export": ("grader.cli.export", "Write the grades for an LMS, or as CSV, JSON, JUnit."),
    "plugins": ("grader.cli.plugins", "List the plugins: where each comes from, what it adds."),
    "exercises": ("grader.cli.show", "List the exercises of the course."),
    "show": ("grader.cli.show", "Print an exercise's handout, rubric and limits."),
    "start": ("grader.cli.start", "Put the starters of exercises into a folder."),
    "watch": ("grader.cli.watch", "Grade again whenever a file is saved, quickly first."),
    "verify": ("grader.cli.verify", "Let the course prove itself against its solutions."),
    "new": ("grader.cli.new", "Begin a new exercise in a course folder."),
    "release": ("grader.cli.release", "Make what students get: the course without its solutions."),
    "doctor": ("grader.cli.doctor", "Say what this machine can isolate, and how to get more."),
}


class _LazyGroup(click.Group):
    """Imports a command's module when the command is asked for: `grade submit` must not wait for the others."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command so that it cleans up however it is stopped.

        Here, and only here, an error becomes a line and an exit code: `records/errors.py` says which, and it is 3
        for whatever else, since 1 speaks of a student's points.
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
            if isinstance(error, StudentFault):  # somebody forgot to make a verdict of it
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
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


class _Stream(io.FileIO):
    """A stream whose reader may leave early, as `head` does: what comes of a grading does not hang on it."""

    is_gone = False

    def write(self, data: Any) -> int:
        """Raises OSError once for what is worse: what is left in buffers is not tried again at the end."""
        try:
            return memoryview(data).nbytes if self.is_gone else super().write(data)
        except OSError as error:
            self.is_gone = True
            if not isinstance(error, BrokenPipeError):
                raise
            return memoryview(data).nbytes


def _outlive_readers() -> None:
    """Let nobody who stops reading end a command, and no stream that was closed from the beginning."""
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
    """The commands that plugins add, of the course that the environment names or the bundled one."""
    from grader.cli.options import defaults_of
    from grader.course.loading import load_commands
    from grader.course.settings import CourseError, read_settings

    course = os.environ.get("GRADE_COURSE")
    settings = read_settings(Path(course) if course else None)
    found = load_commands(settings)
    for name, command in found.items():
        command.context_settings.setdefault("default_map", defaults_of(command, settings))
        if name in _COMMANDS:
            raise CourseError(f"a plugin adds the command '{name}', which is one of the grader's own; rename it")
    return found


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Options may also come from the environment (GRADE_SEED, GRADE_COURSE, ...) or from [tool.grade] in the "
    "course's pyproject.toml; the command line wins, then the environment.",
)
@click.version_option(importlib.metadata.version("rnn-grader"), "--version", prog_name="grade")
def main() -> None:
    """Grade recurrent-network exercises: student code runs in a jail and is judged outside it.

    Try `grade submit solutions/reference`, or `grade show my_rnn`.
    """
