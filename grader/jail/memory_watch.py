"""How much memory a worker has of its own, and whether that is more than it may have: by the kernel's word alone."""

import contextlib
import time
from pathlib import Path

_LOOK_SECONDS = 0.02


class MemoryWatch:
    """Watches one process, from `begin` on: what it had then is its baseline."""

    def __init__(self, pidfd: int, allowed_mib: int):
        self._pidfd, self._allowed_kib = pidfd, allowed_mib << 10
        self._baseline_kib = 0
        self._next_look = 0.0

    def begin(self, *, with_untouched: bool) -> bool:
        """Take the baseline; whether there is anything to watch.

        `with_untouched` counts what it inherited and has not touched yet: that may become resident without being
        taken, and no limit refuses it.
        """
        resident = self._memory_kib()
        inherited = int(status_of(self._pidfd).get("VmData", "0 kB").split()[0]) if with_untouched else 0
        self._baseline_kib = max(resident, inherited)
        return resident > 0

    def is_over(self) -> bool:
        """Whether it has taken more than it may; looks at most every few milliseconds."""
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + _LOOK_SECONDS
        return self._baseline_kib > 0 and self._memory_kib() - self._baseline_kib > self._allowed_kib

    def _memory_kib(self) -> int:
        """Memory of its own: what is shared or swapped out included, and the page tables, which an empty map of a
        terabyte fills.

        Reading it needs no right over the process.
        """
        status = status_of(self._pidfd)
        if "RssAnon" not in status:  # its main thread has ended; others may go on with the same memory
            status = _status_of_a_thread(self._pidfd)
        return sum(int(status.get(field, "0 kB").split()[0]) for field in ("RssAnon", "RssShmem", "VmSwap", "VmPTE"))


def pid_of(pidfd: int) -> int:
    """The id of a process as the host sees it; -1 once it is reaped. Not to be used after that: another may get it."""
    return int(_fields(Path(f"/proc/self/fdinfo/{pidfd}"))["Pid"])


def status_of(pidfd: int) -> dict[str, str]:
    """The fields of `/proc/<pid>/status`; empty once the process has ended."""
    with contextlib.suppress(OSError):
        return _fields(Path(f"/proc/{pid_of(pidfd)}/status"))
    return {}


def _status_of_a_thread(pidfd: int) -> dict[str, str]:
    """The fields of a thread that still has memory; empty where none has."""
    for file in Path(f"/proc/{pid_of(pidfd)}/task").glob("*/status"):
        with contextlib.suppress(OSError):
            fields = _fields(file)
            if "RssAnon" in fields:
                return fields
    return {}


def _fields(file: Path) -> dict[str, str]:
    """A file of the kernel's with a `name:` and a value in each line."""
    text = file.read_bytes().decode("ascii", "replace")  # a process chooses its name, out of any bytes but line ends
    return dict(line.split(":\t", 1) for line in text.split("\n") if ":\t" in line)
