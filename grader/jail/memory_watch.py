"""Watch a worker's memory from outside, by what the kernel reports about it."""

import contextlib
import time
from pathlib import Path

_POLL_SECONDS = 0.02  # what a worker allocates in between is bounded by its RLIMIT_DATA (`lockdown.limit_resources`)


class MemoryWatch:
    """Watches one process. The memory that it has at `begin` is the baseline and does not count."""

    def __init__(self, pidfd: int, allowed_mib: int):
        self._pidfd, self._allowed_kib = pidfd, allowed_mib << 10
        self._baseline_kib = 0
        self._next_poll = 0.0

    def begin(self, *, count_untouched: bool) -> bool:
        """Take the baseline; return whether the process can be watched.

        `count_untouched` includes inherited pages that the worker has not touched yet (33 MiB, measured): they become
        resident when it first writes to them, which no resource limit counts as an allocation. Without them in the
        baseline, code that stayed below its limit was killed now and then.
        """
        resident = self._memory_kib()
        inherited = int(status_of(self._pidfd).get("VmData", "0 kB").split()[0]) if count_untouched else 0
        self._baseline_kib = max(resident, inherited)
        return resident > 0

    def is_over(self) -> bool:
        """Whether it uses more than its limit; reads the kernel's numbers at most every 20 ms."""
        if time.monotonic() < self._next_poll:
            return False
        self._next_poll = time.monotonic() + _POLL_SECONDS
        return self._baseline_kib > 0 and self._memory_kib() - self._baseline_kib > self._allowed_kib

    def _memory_kib(self) -> int:
        """Its private, shared and swapped-out memory, and the page tables, which an empty terabyte mapping fills.

        `status` is readable without privileges over the process, unlike `smaps`.
        """
        status = status_of(self._pidfd)
        if "RssAnon" not in status:  # its main thread has ended, but others may go on using the same memory
            status = _status_of_a_thread(self._pidfd)
        return sum(int(status.get(field, "0 kB").split()[0]) for field in ("RssAnon", "RssShmem", "VmSwap", "VmPTE"))


def pid_of(pidfd: int) -> int:
    """The id of a process as the host sees it; -1 once it is reaped, as another process may then get that id."""
    return int(_fields(Path(f"/proc/self/fdinfo/{pidfd}"))["Pid"])


def status_of(pidfd: int) -> dict[str, str]:
    """The fields of `/proc/<pid>/status`; empty once the process has ended."""
    with contextlib.suppress(OSError):
        return _fields(Path(f"/proc/{pid_of(pidfd)}/status"))
    return {}


def _status_of_a_thread(pidfd: int) -> dict[str, str]:
    """The status fields of a thread that still has memory; empty if there is none."""
    for file in Path(f"/proc/{pid_of(pidfd)}/task").glob("*/status"):
        with contextlib.suppress(OSError):
            fields = _fields(file)
            if "RssAnon" in fields:
                return fields
    return {}


def _fields(file: Path) -> dict[str, str]:
    """Parse a /proc file with a name and a value in each line."""
    # bytes, split at "\n" alone: a process chooses its own name, which may hold any other line separator
    text = file.read_bytes().decode("ascii", "replace")
    return dict(line.split(":\t", 1) for line in text.split("\n") if ":\t" in line)
