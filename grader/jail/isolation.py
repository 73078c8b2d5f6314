"""Measure the isolation that a worker really has, with a canary file and with what the kernel reports about it."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader.jail.gpu import PROFILE
from grader.jail.handle import JailError, Worker, WorkerEnded
from grader.jail.host import Jail
from grader.jail.shared import lockdown, messages
from grader.jail.shared.layers import SCRATCH, SPOOL, SUBMISSION
from grader.records.limits import LEVELS, Level, Limits
from grader.records.sanitize import sanitize

_BLOCKED = {"EACCES", "EPERM"}
_PROBE_SECONDS = 20.0
_DEVICE_SECONDS = 60.0


class Isolation(msgspec.Struct, frozen=True):
    """The isolation level of a worker, and the result of each probe."""

    level: Level
    probes: dict[str, str]
    missing: list[tuple[Level, str]] = []
    """The reasons why higher levels are not reached: (level, what this machine lacks)."""

    def missing_for(self, level: Level) -> str:
        """Why `level` is not reached."""
        return "; ".join(reason for asks, reason in self.missing if LEVELS.index(asks) <= LEVELS.index(level))


Outcomes = Mapping[str, str]
"""The result of each probe, by its name."""


class _Layer(NamedTuple):
    """A layer of the jail: whether this jail should have it, and whether the outcomes show that it holds."""

    name: str
    is_expected: Callable[[Jail], bool]
    holds: Callable[[Outcomes], bool]


class _Need(NamedTuple):
    """A requirement of a level, in addition to those of the levels below it."""

    level: Level
    is_met: Callable[[Jail, Outcomes], bool]
    reason: str
    """The message where it is not met; `{no_groups}` is the reason why control groups are not available."""


def _always(jail: Jail) -> bool:
    return True


def _has_namespaces(jail: Jail) -> bool:
    return bool(jail.ready()["namespaces"])


def _landlocked(seen: Outcomes) -> bool:
    return (
        seen["read a file that is not allowed"] in _BLOCKED
        and seen["read a file of the host"] != "done"
        and seen["write a file of the host"] != "done"
    )


def _filtered(seen: Outcomes) -> bool:
    return (
        seen["system-call filter"] == "on"
        and seen["new privileges"] == "forbidden"
        and all(seen[name] in _BLOCKED for name in ("open a socket", "start a process", "signal a process"))
    )


def _separated(seen: Outcomes) -> bool:
    return seen["read a file of the host"] == "ENOENT" and seen["process namespace"] == "own"


def _limited(seen: Outcomes) -> bool:
    return seen["memory limit"].startswith("cgroup")


_LAYERS = (
    _Layer("the unprivileged user", _always, lambda seen: seen["rights"] == "none"),
    _Layer("the protection from debuggers", _always, lambda seen: seen["debuggers"] == "kept out"),
    _Layer("each resource limit", _always, lambda seen: seen["limits without effect"] == "none"),
    _Layer("the private mount table", _has_namespaces, lambda seen: seen["mounts"] == "its own"),
    _Layer("the control group", lambda jail: jail.groups is not None, _limited),
    _Layer("namespaces", _has_namespaces, _separated),
    _Layer("Landlock", lambda jail: bool(jail.ready()["landlock"]), _landlocked),
    _Layer("the system-call filter", lambda jail: bool(jail.ready()["seccomp"]), _filtered),
)
_NEEDS = (
    _Need("basic", lambda jail, seen: _landlocked(seen), "Landlock is not available"),
    _Need("basic", lambda jail, seen: _filtered(seen), "no system-call filter can be set"),
    _Need("strong", lambda jail, seen: _separated(seen), "no namespaces can be made"),
    _Need("strong", lambda jail, seen: jail.gpu is None, "a GPU's driver needs the machine's own namespaces"),
    _Need("full", lambda jail, seen: _limited(seen), "no control group can be made ({no_groups})"),
)


def measure(jail: Jail) -> Isolation:
    """Let a worker, before any student code, try what must fail, and check from outside what the kernel says about it.

    Raises `JailError` where a layer that the jail applies does not hold: a layer that silently fails must not lower the
    level, it must stop the grading.
    """
    outcomes = _observe(jail)
    _require_readable_torch(jail.torch_file(), outcomes.pop("read the library"))
    for layer in _LAYERS:
        if layer.is_expected(jail) and not layer.holds(outcomes):
            raise JailError(f"{layer.name} should hold and does not: {outcomes}")
    no_groups = jail.no_groups or "none for workers with a GPU"
    missing = [
        (need.level, need.reason.format(no_groups=no_groups)) for need in _NEEDS if not need.is_met(jail, outcomes)
    ]
    out_of_reach = {LEVELS.index(level) for level, _ in missing}
    reached: Level = LEVELS[min(out_of_reach, default=len(LEVELS)) - 1]
    return Isolation(reached, outcomes, missing)


def _observe(jail: Jail) -> dict[str, str]:
    """The outcomes of what a worker tried, and of what can be seen from outside."""
    jail.ready()  # raises if the fork server does not start; `spawn` would start it a second time
    entry = jail.new_entry()
    entry.chmod(0o755)
    worker = jail.spawn(entry.name, Limits())
    try:
        request = messages.Probe(str(jail.canary), jail.inside_canary())
        answer, _ = worker.ask(request, deadline=time.monotonic() + _PROBE_SECONDS)
        outcomes = {**answer.outcomes, **_observe_from_outside(worker, jail)}
        if jail.gpu is not None:
            outcomes["GPU"] = _verify_device(worker)
            outcomes["GPU profile"] = PROFILE
        return outcomes
    finally:
        worker.close()


def _require_readable_torch(torch_file: Path, outcome: str) -> None:
    """Raise `JailError` where a worker cannot read torch: correct submissions would be graded as wrong."""
    if outcome != "done":
        closed = next(
            (folder for folder in reversed(torch_file.parents) if not folder.stat().st_mode & 0o001), torch_file
        )
        raise JailError(
            f"workers cannot read torch: {closed} is closed to their user, and this machine does not let them keep the "
            f"capability to enter it; open it (chmod o+x {closed}), or install the grader in a folder open to all users"
        )


def _verify_device(worker: Worker) -> str:
    """The name of the worker's device, after it computed a gradient correctly. Raises `JailError`."""
    import torch

    try:
        answer, received = worker.ask(messages.TryDevice(), deadline=time.monotonic() + _DEVICE_SECONDS)
    except WorkerEnded as end:
        raise JailError(f"the worker died using the device: {end.detail}") from None
    if not isinstance(answer, messages.Value):
        raise JailError(f"the device cannot compute: {sanitize(str(answer), 500)}")
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    ones = torch.ones_like(x)
    if len(received) != 1 or not torch.equal(received[0], ones @ x.T + x.T @ ones):
        raise JailError(f"the device computes wrong results: {received}")
    return str(answer.items[0])


def _observe_from_outside(worker: Worker, jail: Jail) -> dict[str, str]:
    status = worker.status()
    process = Path("/proc", status["Pid"])
    in_namespaces = status["NSpid"].split()
    user = status["Uid"].split()[1]
    return {
        "system-call filter": "on" if status["Seccomp"] == "2" else "off",
        "new privileges": "forbidden" if status["NoNewPrivs"] == "1" else "possible",
        "capabilities": status["CapEff"],
        # in a pid namespace shared with others, it would not be process 1
        "process namespace": "own" if len(in_namespaces) > 1 and in_namespaces[-1] == "1" else "the host's",
        "user": user,
        "rights": ", ".join(_rights(status, jail)) or "none",
        # the kernel gives the /proc files of a process that may not be debugged ("not dumpable") to root
        "debuggers": "kept out" if process.joinpath("status").stat().st_uid != int(user) else "let in",
        "limits without effect": ", ".join(_unlimited(process, jail)) or "none",
        "mounts": _mounts(process) if jail.ready()["namespaces"] else "the host's",
        "memory limit": _memory_limit(worker),
    }


def _rights(status: dict[str, str], jail: Jail) -> list[str]:
    """The privileges of root that a worker still has, by their names in `/proc/<pid>/status`."""
    allowed = 0
    found = []
    if jail.as_root:
        found = [ids for ids in ("Uid", "Gid") if set(status[ids].split()) != {str(jail.uid)}]
        found += ["Groups"] if status["Groups"].split() else []
        if not jail.ready()["namespaces"]:  # see `environment.needed_capabilities`
            allowed = 1 << lockdown.CAP_DAC_READ_SEARCH | 1 << lockdown.CAP_DAC_OVERRIDE
    return found + [held for held in ("CapInh", "CapPrm", "CapEff", "CapAmb") if int(status[held], 16) & ~allowed]


def _unlimited(process: Path, jail: Jail) -> list[str]:
    """The resources whose limit is higher than any worker's should be, by their names in `/proc/<pid>/limits`."""
    most = {"cpu time": 1 << 31, "core file size": 0, "file size": Limits().files_mib << 20}
    most |= {"open files": 512, "locked memory": 0, "msgqueue size": 0}
    if jail.gpu is None:
        most["data size"] = 1 << 40
    if jail.as_root or jail.ready()["namespaces"]:
        most["processes"] = 512
    limits = (process / "limits").read_text()
    rows = {line[4:26].strip(): line[26:].split()[:2] for line in limits.splitlines()[1:]}
    return [name for name, cap in most.items() if any(v == "unlimited" or int(v) > cap for v in rows[name])]


def _mounts(process: Path) -> str:
    """What is wrong with the mounts that a worker sees; `its own` if nothing is."""
    lines = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    points = [fields[4] for fields in lines]
    scratch = [fields[-1] for fields in lines if fields[4] == SCRATCH]
    if points.count("/") != 1:  # the host's root is still mounted
        return "the host's"
    if SPOOL in points or SUBMISSION not in points:
        return "other submissions"
    if f"size={Limits().files_mib << 10}k" not in scratch[-1].split(","):
        return f"{SCRATCH} without a size"
    return "its own"


def _memory_limit(worker: Worker) -> str:
    if worker.group is None or not worker.group.holds(worker.pid()):
        return "watched"
    return f"cgroup v{worker.group.version}"
