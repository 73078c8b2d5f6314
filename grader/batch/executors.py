"""Makes the executor that grades a batch: the built-in one or a plugin's."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from grader.batch.local_executor import LocalExecutor
from grader.records.errors import UsageError

if TYPE_CHECKING:
    from grader.course.contributions import ExecutorSpec

LOCAL = "local"


def make_executor(specs: "Mapping[str, ExecutorSpec]", name: str, options: Sequence[str], jobs: int) -> Executor:
    """The executor with this name and options `K=V`, running `jobs` tasks at a time. Raises `UsageError`."""
    given = _read_options(options)
    if name not in specs and name != LOCAL:
        names = ", ".join([LOCAL, *sorted(specs)])
        raise UsageError(f"unknown executor '{name}'; available: {names}")
    known = specs[name].options if name in specs else {}
    for key in given:
        if key not in known:
            has = f"available: {', '.join(known)}" if known else "it has none"
            raise UsageError(f"--executor-option {key}: unknown option of the executor '{name}'; {has}")
    if name == LOCAL:
        return LocalExecutor(jobs)
    try:
        return specs[name].make(given, jobs)
    except ValueError as problem:
        raise UsageError(f"--executor {name}: {problem}") from None


def _read_options(options: Sequence[str]) -> dict[str, str]:
    pairs = [option.partition("=") for option in options]
    for key, equals, _ in pairs:
        if not equals:
            raise UsageError(f"--executor-option {key}: expected K=V")
    return {key: value for key, _, value in pairs}
