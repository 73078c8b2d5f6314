"""Options that several commands share, and how an error ends a command."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from grader.gradebook import Gradebook
    from grader.jail.host import Zygote
    from grader.jail.isolation import Isolation
    from grader.settings import Settings

GRADER_FAILED = 3
"""Exit code: the grader itself failed, or isolation was required and is not available."""
SEEDS = 2**53
"""How many seeds there are: every reader of JSON keeps them, and no student's code finds out which one was drawn."""


LEVEL_NAMES = ("process", "basic", "strong", "full")


def gradebook_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--gradebook URL`, for `open_book`."""
    return click.option(
        "--gradebook",
        default="sqlite:///grade-report/gradebook.db",
        metavar="URL",
        envvar="GRADE_GRADEBOOK",
        show_default=True,
        help="The gradebook: an SQLite file, or postgresql+psycopg://...",
    )(command)


@contextlib.contextmanager
def open_book(url: str, *, create: bool = False) -> Iterator["Gradebook"]:
    """Open a gradebook; one that cannot be opened, or fails later, ends the command in one line."""
    from grader.gradebook import GradebookError, open_gradebook

    try:
        book = open_gradebook(url, create=create)
    except GradebookError as problem:
        raise click.UsageError(str(problem)) from None
    try:
        with book:
            yield book
    except GradebookError as problem:
        fail(str(problem))


def course_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--course DIR`, read first: its `[tool.grade]` holds the defaults of the other options."""
    return click.option(
        "--course",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        envvar="GRADE_COURSE",
        is_eager=True,
        expose_value=True,
        callback=_read_defaults,
        help="Course folder with exercises, plugins and reports. Default: the bundled course.",
    )(command)


def device_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--device auto|cpu|cuda`, for `choose_device`."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        envvar="GRADE_DEVICE",
        show_default=True,
        help="Where models are trained; auto: on a GPU that can be used, else on the CPU.",
    )(command)


def choose_device(asked: str, zygote: "Zygote", measured: "Isolation", *, required: str | None = None) -> "Isolation":
    """`devices.choose_device` for a command: what is passed over is told, what cannot be had is a usage error."""
    from grader import devices

    def say(words: str) -> None:
        click.echo(f"grade: {words}", err=True)

    try:
        return devices.choose_device(asked, zygote, measured, required=required, say=say)
    except devices.NoDevice as problem:
        raise click.UsageError(str(problem)) from None


def version_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--version` on every command."""
    return click.version_option(package_name="rnn-grader", prog_name="grade")(command)


def _read_defaults(context: click.Context, parameter: click.Parameter, value: Path | None) -> Any:
    from grader.settings import read_settings

    with ends_in_one_line():
        settings = read_settings(value)
    context.default_map = defaults_of(context.command, settings)
    return settings


def defaults_of(command: click.Command, settings: "Settings") -> dict[str, Any]:
    """What `[tool.grade]` sets of a command's options, by the variables behind them.

    A key is an environment variable's name without `GRADE_`, else the option as it is written: what has two meanings in
    two commands has two variables.
    """
    known: dict[str, str | None] = {}
    for parameter in command.params:
        variables = [parameter.envvar] if isinstance(parameter.envvar, str) else []
        names = [variable.removeprefix("GRADE_").lower() for variable in variables] or parameter.opts
        known |= {name.lstrip("-").replace("_", "-"): parameter.name for name in names}
    named = {known.get(key.replace("_", "-")): default for key, default in settings.options.items()}
    return {name: default for name, default in named.items() if name is not None}


@contextlib.contextmanager
def ends_in_one_line() -> Iterator[None]:
    """Turn our own failures into one line on standard error and exit code 3."""
    from grader.jail.handle import JailError
    from grader.settings import CourseError

    try:
        yield
    except (CourseError, JailError) as error:
        fail(str(error))


def write_out(document: str | bytes, file: Path | None = None) -> None:
    """Write a document to standard output, or to a stream by its path: UTF-8 whatever the terminal's encoding."""
    data = document if isinstance(document, bytes) else document.encode()
    if file is not None:
        file.write_bytes(data)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def use_one_thread() -> None:
    """Keep torch on this side to one thread: the worker needs the other processor, and small sums gain nothing."""
    import torch

    torch.set_num_threads(1)


def fail(message: str) -> NoReturn:
    """Say why the grader cannot go on, and exit with code 3."""
    click.echo(f"grade: {' '.join(message.split())}", err=True)
    raise SystemExit(GRADER_FAILED)
