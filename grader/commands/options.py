"""Options that several commands share, and how an error ends a command."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

GRADER_FAILED = 3
"""Exit code: the grader itself failed, or isolation was required and is not available."""


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


def version_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--version` on every command."""
    return click.version_option(package_name="rnn-grader", prog_name="grade")(command)


def _read_defaults(context: click.Context, parameter: click.Parameter, value: Path | None) -> Any:
    from grader.settings import read_settings

    with ends_in_one_line():
        settings = read_settings(value)
    # by the option as it is written, which need not be the name of the variable behind it
    known = {option.lstrip("-"): p.name for p in context.command.params for option in p.opts}
    named = {known.get(key.replace("_", "-")): default for key, default in settings.options.items()}
    context.default_map = {name: default for name, default in named.items() if name is not None}
    return settings


@contextlib.contextmanager
def ends_in_one_line() -> Iterator[None]:
    """Turn our own failures into one line on standard error and exit code 3."""
    from grader.jail.handle import JailError
    from grader.settings import CourseError

    try:
        yield
    except (CourseError, JailError) as error:
        fail(str(error))


def use_one_thread() -> None:
    """Keep torch on this side to one thread: the worker needs the other processor, and small sums gain nothing."""
    import torch

    torch.set_num_threads(1)


def fail(message: str) -> NoReturn:
    """Say why the grader cannot go on, and exit with code 3."""
    click.echo(f"grade: {' '.join(message.split())}", err=True)
    raise SystemExit(GRADER_FAILED)
