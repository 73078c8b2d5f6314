"""Options that several commands share, and how an error ends a command."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from grader.jail.host import Zygote
    from grader.jail.isolation import Isolation

GRADER_FAILED = 3
"""Exit code: the grader itself failed, or isolation was required and is not available."""
SEEDS = 2**53
"""How many seeds there are: every reader of JSON keeps them, and no student's code finds out which one was drawn."""


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
    """Let trainings run on the device asked for, and say what isolation a grading there has.

    `measured` is that of a worker on the CPU. With `auto`, a GPU that is no use, or keeps from the `required` level, is
    passed over. Raises `click.UsageError` where a GPU was asked for and none can be used.
    """
    from grader.jail.gpu import NoGpu, find
    from grader.jail.handle import JailError
    from grader.jail.isolation import measure
    from grader.records import LEVELS

    if asked == "cpu":
        return measured
    try:
        gpu = find()
    except NoGpu as problem:
        if asked == "cuda":
            raise click.UsageError(f"--device cuda: {problem}, or use --device cpu.") from None
        return measured
    if asked == "auto" and required is not None and LEVELS.index(required) > LEVELS.index("basic"):
        click.echo(f"grade: training on the CPU: with a GPU, isolation '{required}' is out of reach", err=True)
        return measured
    try:
        isolation = measure(zygote.train_on(gpu))
    except JailError as problem:
        zygote.train_here()
        seen = f"there is a GPU, and it cannot be used ({' '.join(str(problem).split())})"
        if asked == "cuda":
            raise click.UsageError(f"--device cuda: {seen}: see `grade doctor`, or use --device cpu.") from None
        click.echo(f"grade: training on the CPU: {seen}", err=True)
        return measured
    import torch

    zygote.device_versions = {"GPU": isolation.probes["GPU"], "CUDA": torch.version.cuda or ""}
    return min(isolation, measured, key=lambda found: LEVELS.index(found.level))


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
