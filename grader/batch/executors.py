"""Which executor a batch is graded with: the one that is built in, or one of the course's plugins."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from grader.batch.local_executor import LocalExecutor
from grader.records.errors import UsageError

if TYPE_CHECKING:
    from grader.course.contributions import ExecutorSpec

LOCAL = "local"


def make_executor(specs: "Mapping[str, ExecutorSpec]", name: str, options: Sequence[str], jobs: int) -> Executor:
    """The executor of this name, with options `K=V`, for so many tasks at a time. Raises `UsageError`."""
    given = _read_options(options)
    if name not in specs and name != LOCAL:
        names = ", ".join([LOCAL, *sorted(specs)])
        raise UsageError(f"no executor is called '{name}'; there are: {names}")
    known = specs[name].options if name in specs else {}
    for key in given:
        if key not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise UsageError(f"--executor-option {key}: no option of the executor '{name}'; {has}")
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
