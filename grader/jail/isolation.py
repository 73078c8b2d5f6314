"""What isolation a worker really has: measured with a canary and the kernel's own word, never assumed."""

import time

import msgspec

from grader.jail import messages
from grader.jail.handle import JailError, Worker
from grader.jail.host import Zygote
from grader.records import Level, Limits

_BLOCKED = {"EACCES", "EPERM"}
_PROBE_SECONDS = 20.0


class Isolation(msgspec.Struct, frozen=True):
    """The level reached, and what each probe of it saw."""

    level: Level
    probes: dict[str, str]


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
    for layer, asked, seen in (
        ("namespaces", planned["namespaces"], separated),
        ("Landlock", planned["landlock"], landlocked),
        ("the system-call filter", planned["seccomp"], filtered),
    ):
        if asked and not seen:
            raise JailError(f"{layer} should hold and does not: {outcomes}")
    if not (landlocked and filtered):
        return Isolation("process", outcomes)
    return Isolation("strong" if separated else "basic", outcomes)


def _seen_from_outside(worker: Worker) -> dict[str, str]:
    status = worker.status()
    return {
        "system-call filter": "on" if status["Seccomp"] == "2" else "off",
        "new privileges": "forbidden" if status["NoNewPrivs"] == "1" else "possible",
        "capabilities": status["CapEff"],
        "process namespace": "own" if len(status["NSpid"].split()) > 1 else "the host's",
        "user": status["Uid"].split()[1],
    }
