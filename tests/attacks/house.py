"""What the host still has after an attempt that used up what there is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.jail.host import Jail


@pytest.fixture
def house(zygote: Jail, request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever was tried, the host keeps no process, descriptor, folder or queue of it, and needed no more memory than
    its module's `MEMORY_KIB`.
    """
    zygote.ready()
    earlier = kept(zygote)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    resident = memory_kib()
    yield
    assert kept(zygote) == earlier
    assert memory_kib() - resident < request.module.MEMORY_KIB


def kept(zygote: Jail) -> tuple[object, ...]:
    """What would tell of an attempt that has not ended."""
    queues = [queues_of(zygote.uid, kind) for kind in ("shm", "sem", "msg")]
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return (family(zygote), descriptors, sorted(zygote.folder.iterdir()), queues)


def queues_of(uid: int, kind: str) -> int:
    """How many there are of the workers' user: a database beside these tests has some of its own."""
    head, *rows = (line.split() for line in Path("/proc/sysvipc", kind).read_text().splitlines())
    return sum(row[head.index("uid")] == str(uid) for row in rows)


def family(zygote: Jail) -> list[int]:
    """The launcher, all that descends from it, and what looks like it and has lost its parent."""
    parents: dict[int, int] = {}
    orphans = []
    command = Path(f"/proc/{zygote.server.launcher.pid}/cmdline").read_bytes()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(errors="replace")  # a process chooses its name
                parent = int(stat.rpartition(")")[2].split()[1])
                if parent == 1 and (entry / "cmdline").read_bytes() == command:
                    orphans.append(int(entry.name))
            except OSError:
                continue
            parents[int(entry.name)] = parent
    found = {zygote.server.launcher.pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found) + sorted(orphans)


def memory_kib() -> int:
    """The most memory that this process has had."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0])
