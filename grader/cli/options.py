"""Options that several commands share."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from grader.course.settings import Settings

LEVEL_NAMES = ("process", "basic", "strong", "full")


def gradebook_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--gradebook URL`. Where the extra is missing that it needs, the command ends before anything else is done."""
    return click.option(
        "--gradebook",
        default="sqlite:///grade-report/gradebook.db",
        metavar="URL",
        envvar="GRADE_GRADEBOOK",
        show_default=True,
        callback=_check_extra,
        help="The gradebook: an SQLite file, or postgresql+psycopg://...",
    )(command)


def course_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--course DIR`, read first: its `[tool.grade]` holds the defaults of the other options."""
    return click.option(
        "--course",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        envvar="GRADE_COURSE",
        is_eager=True,
        expose_value=True,
        callback=_read_defaults,
        help="Course folder (exercises, plugins, reports). Default: the bundled course.",
    )(command)


def device_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--device auto|cpu|cuda`, for `open_session`."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        envvar="GRADE_DEVICE",
        show_default=True,
        help="Device to train models on; auto uses a GPU if usable, else the CPU.",
    )(command)


def note(text: str) -> None:
    """Print a note to standard error."""
    click.echo(f"grade: {text}", err=True)


def version_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--version` on every command."""
    return click.version_option(package_name="rnn-grader", prog_name="grade")(command)


def _check_extra(context: click.Context, parameter: click.Parameter, value: str) -> str:
    from grader.records.extras import require_extra

    if not context.resilient_parsing:
        extra = "postgres" if value.startswith("postgresql") else "batch"
        require_extra(extra, f"`grade {context.info_name}`")
    return value


def _read_defaults(context: click.Context, parameter: click.Parameter, value: Path | None) -> Any:
    from grader.course.settings import read_settings

    settings = read_settings(value)
    context.default_map = defaults_of(context.command, settings)
    return settings


def defaults_of(command: click.Command, settings: "Settings") -> dict[str, Any]:
    """The defaults that `[tool.grade]` sets for a command's options, by parameter name.

    A key is the option's environment variable without `GRADE_`, else the option's own name: an option that means two
    things in two commands has two variables.
    """
    known: dict[str, str | None] = {}
    for parameter in command.params:
        variables = [parameter.envvar] if isinstance(parameter.envvar, str) else []
        names = [variable.removeprefix("GRADE_").lower() for variable in variables] or parameter.opts
        known |= {name.lstrip("-").replace("_", "-"): parameter.name for name in names}
    named = {known.get(key.replace("_", "-")): default for key, default in settings.options.items()}
    return {name: default for name, default in named.items() if name is not None}


def write_out(document: str | bytes, file: Path | None = None) -> None:
    """Write a document to standard output, or to a stream by its path: UTF-8 whatever the terminal's encoding."""
    data = document if isinstance(document, bytes) else document.encode()
    if file is not None:
        file.write_bytes(data)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
