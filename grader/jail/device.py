"""Where models are trained: the device that was asked for, if it can be used."""

from collections.abc import Callable

from grader.jail.host import Jail
from grader.jail.isolation import Isolation, measure
from grader.records.errors import UsageError
from grader.records.limits import LEVELS


class NoDevice(UsageError):
    """The device asked for cannot be used; why and what to do, in one line."""


def choose_device(
    asked: str, jail: Jail, measured: Isolation, *, required: str | None, say: Callable[[str], None]
) -> Isolation:
    """Let trainings run on the device asked for, and say what isolation a grading there has.

    `measured` is that of a worker on the CPU. With `auto`, a GPU that is no use, or keeps from the `required` level, is
    passed over, and `say` is told. Raises `NoDevice` where a GPU was asked for and none can be used.
    """
    from grader.jail.gpu import NoGpu, find
    from grader.jail.handle import JailError

    if asked == "cpu":
        return measured
    try:
        gpu = find()
    except NoGpu as problem:
        if asked == "cuda":
            raise NoDevice(f"--device cuda: {problem}, or use --device cpu.") from None
        return measured
    if asked == "auto" and required is not None and LEVELS.index(required) > LEVELS.index("basic"):
        say(f"training on the CPU: with a GPU, isolation '{required}' is out of reach")
        return measured
    try:
        isolation = measure(jail.train_on(gpu))
    except JailError as problem:
        jail.train_here()
        seen = f"there is a GPU, and it cannot be used ({' '.join(str(problem).split())})"
        if asked == "cuda":
            raise NoDevice(f"--device cuda: {seen}: see `grade doctor`, or use --device cpu.") from None
        say(f"training on the CPU: {seen}")
        return measured
    import torch

    jail.device_versions = {"GPU": isolation.probes["GPU"], "CUDA": torch.version.cuda or ""}
    return min(isolation, measured, key=lambda found: LEVELS.index(found.level))
