"""What isolation a worker really has: measured with a canary and the kernel's own word, never assumed."""

import time

import msgspec

from grader.jail import messages
from grader.jail.gpu import PROFILE
from grader.jail.handle import JailError, Worker, WorkerEnded
from grader.jail.host import Zygote
from grader.plain import plain
from grader.records import LEVELS, Level, Limits

_BLOCKED = {"EACCES", "EPERM"}
_PROBE_SECONDS = 20.0
_DEVICE_SECONDS = 60.0


class Isolation(msgspec.Struct, frozen=True):
    """The level reached, and what each probe of it saw."""

    level: Level
    probes: dict[str, str]
    missing: list[tuple[Level, str]] = []
    """What each higher level asks for besides, and this machine does not have, in words."""

    def missing_for(self, level: Level) -> str:
        """Why `level` is out of reach."""
        return "; ".join(reason for asks, reason in self.missing if LEVELS.index(asks) <= LEVELS.index(level))


def measure(zygote: Zygote) -> Isolation:
    """Let a worker that has seen no student code try what must fail, and look at it from outside.

    Raises `JailError` where a layer that the zygote puts on does not show.
    """
    planned = zygote.ready()
    entry = zygote.new_entry()
    entry.chmod(0o755)
    worker = zygote.spawn(entry.name, Limits())
    try:
        request = messages.Probe(str(zygote.canary), zygote.inside_canary())
        answer, _ = worker.ask(request, deadline=time.monotonic() + _PROBE_SECONDS)
        outcomes = {**answer.outcomes, **_seen_from_outside(worker)}
        is_other = not zygote.as_root or worker.status()["Uid"].split() == [str(zygote.uid)] * 4
        if zygote.gpu is not None:
            outcomes["GPU"] = _device_that_computes(worker)
            outcomes["GPU profile"] = PROFILE
    finally:
        worker.close()
    landlocked = (
        outcomes["read a file that is not allowed"] in _BLOCKED
        and outcomes["read a file of the host"] != "done"
        and outcomes["write beside it"] != "done"
    )
    filtered = (
        outcomes["system-call filter"] == "on"
        and outcomes["new privileges"] == "forbidden"
        and all(outcomes[a] in _BLOCKED for a in ("open a socket", "start a process", "signal a process"))
    )
    separated = outcomes["read a file of the host"] == "ENOENT" and outcomes["process namespace"] == "own"
    limited = outcomes["memory limit"].startswith("cgroup")
    for layer, asked, seen in (
        ("a user of its own", zygote.as_root, is_other),
        ("the control group", zygote.groups is not None, limited),
        ("namespaces", planned["namespaces"], separated),
        ("Landlock", planned["landlock"], landlocked),
        ("the system-call filter", planned["seccomp"], filtered),
    ):
        if asked and not seen:
            raise JailError(f"{layer} should hold and does not: {outcomes}")
    needs: list[tuple[Level, bool, str]] = [
        ("basic", landlocked, "Landlock is not available"),
        ("basic", filtered, "no system-call filter can be set"),
        ("strong", separated, "no namespaces can be made"),
        ("strong", zygote.gpu is None, "a GPU's driver needs the machine's own namespaces"),
        ("full", limited, f"no control group can be made ({zygote.no_groups or 'none for workers with a GPU'})"),
    ]
    missing = [(asks, reason) for asks, has, reason in needs if not has]
    out_of_reach = {LEVELS.index(asks) for asks, _ in missing}
    reached: Level = LEVELS[min(out_of_reach, default=len(LEVELS)) - 1]
    return Isolation(reached, outcomes, missing)


def _device_that_computes(worker: Worker) -> str:
    """What the worker's device is called; it has to compute a gradient first. Raises `JailError`."""
    import torch

    try:
        answer, received = worker.ask(messages.TryDevice(), deadline=time.monotonic() + _DEVICE_SECONDS)
    except WorkerEnded as end:
        raise JailError(f"the device ended its worker: {end.detail}") from None
    if not isinstance(answer, messages.Value):
        raise JailError(f"the device cannot compute: {plain(str(answer), 500)}")
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    ones = torch.ones_like(x)
    if len(received) != 1 or not torch.equal(received[0], ones @ x.T + x.T @ ones):
        raise JailError(f"the device computes wrongly: {received}")
    return str(answer.items[0])


def _seen_from_outside(worker: Worker) -> dict[str, str]:
    status = worker.status()
    return {
        "system-call filter": "on" if status["Seccomp"] == "2" else "off",
        "new privileges": "forbidden" if status["NoNewPrivs"] == "1" else "possible",
        "capabilities": status["CapEff"],
        "process namespace": "own" if len(status["NSpid"].split()) > 1 else "the host's",
        "user": status["Uid"].split()[1],
        "memory limit": _memory_limit(worker),
    }


def _memory_limit(worker: Worker) -> str:
    if worker.group is None or not worker.group.holds(worker.pid()):
        return "watched"
    return f"cgroup v{worker.group.version}"
