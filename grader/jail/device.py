"""Choose the device that models are trained on."""

from collections.abc import Callable

from grader.jail.host import Jail
from grader.jail.isolation import Isolation, measure
from grader.records.errors import UsageError
from grader.records.limits import LEVELS


class NoDevice(UsageError):
    """The requested device cannot be used; the message is one line that says why and what to do."""


def choose_device(
    asked: str, jail: Jail, measured: Isolation, *, required: str | None, say: Callable[[str], None]
) -> Isolation:
    """Let trainings run on the requested device; return the isolation that a grading there has.

    `measured` is the isolation of a worker on the CPU. With `auto`, a GPU that cannot be used, or that rules out the
    `required` level, is skipped, and `say` is called with the reason. Raises `NoDevice` where a GPU was requested and
    none can be used.
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
        say(f"training on the CPU: a GPU would rule out isolation '{required}'")
        return measured
    try:
        isolation = measure(jail.train_on_gpu(gpu))
    except JailError as problem:
        jail.train_on_cpu()
        seen = f"a GPU was found, but it cannot be used ({' '.join(str(problem).split())})"
        if asked == "cuda":
            raise NoDevice(f"--device cuda: {seen}: see `grade doctor`, or use --device cpu.") from None
        say(f"training on the CPU: {seen}")
        return measured
    import torch

    jail.device_versions = {"GPU": isolation.probes["GPU"], "CUDA": torch.version.cuda or ""}
    return min(isolation, measured, key=lambda found: LEVELS.index(found.level))
