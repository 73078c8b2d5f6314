"""The trusted side's handle on one worker: sends requests, and kills it when it breaks a limit.

`connection` enforces the deadlines and `memory_watch` measures the memory, but only this module kills a worker: through
its pidfd, which cannot hit a reused process id. What a worker sends is decoded by `wire` and never trusted.
"""

import contextlib
import itertools
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from grader.jail.cgroups import Group, Groups
from grader.jail.connection import Connection, no_op
from grader.jail.memory_watch import MemoryWatch, pid_of, status_of
from grader.jail.shared import messages, wire
from grader.records.errors import GraderFault, StudentFault
from grader.records.limits import Limits

if TYPE_CHECKING:
    import torch

_READY_SECONDS = 30.0
_STEPS_CAP = 20_000
_PROCESSES = 64  # threads count as processes
_INHERITED_MIB = 400
"""Room for the memory shared with the fork server, measured at 220 MiB with everything that training imports."""
_PROC_IS_HIDDEN = (
    "this machine hides processes (/proc is mounted with hidepid), so a worker's memory cannot be watched; "
    "mount it with hidepid=0, or with gid= and a group of the grader's user"
)

EndKind = Literal["timeout", "memory", "crashed", "protocol"]


class JailError(GraderFault):
    """The jail itself failed: never the student's fault."""


class ZygoteGone(JailError):
    """The fork server (zygote) has ended. The next `spawn` starts another one."""


class WorkerEnded(StudentFault):
    """A worker has ended: it ran out of time or memory, died, or broke the protocol."""

    kind: EndKind
    detail: str
    doing: str
    """The request that was running, phrased for the student."""
    during: str
    """The promise (title) of the check that was running."""

    def __init__(self, kind: EndKind, detail: str):
        super().__init__(detail)
        self.kind, self.detail = kind, detail
        self.doing = self.during = ""


def remove_tree(folder: Path) -> None:
    """Remove the files that a worker left, whatever modes its folders have and however deeply they are nested.

    Each folder is moved up before it is listed: no recursion, and no path longer than the system allows.
    """
    waiting, moved = [str(folder)], 0
    while waiting:
        current = waiting.pop()
        with contextlib.suppress(OSError):
            for entry in list(os.scandir(current)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                moved += 1
                os.chmod(entry.path, 0o700)
                os.rename(entry.path, f"{folder}.{moved}")
                waiting.append(f"{folder}.{moved}")
            os.rmdir(current)


@dataclass(frozen=True)
class Forked:
    """A freshly forked process. Its owner closes the descriptors, kills the process and reaps it."""

    pidfd: int
    wire: socket.socket
    outputs: tuple[int, int]
    """The reading ends of its standard output and error."""
    reap: Callable[[], int]
    """Returns the exit status, once the process has ended."""


class Worker:
    """One jailed process. After `WorkerEnded` it is dead and reaped."""

    group: Group | None
    """Its own control group, if it has one."""

    def __init__(
        self,
        forked: Forked,
        limits: Limits,
        scratch: Path | None = None,
        *,
        gpu_lock: FileIO | None = None,
        groups: Groups | None = None,
        waiting: Callable[[], None] = no_op,
    ):
        """Wait until the worker reports that it is locked down. Raises `JailError` where it is not.

        Args:
            scratch: a folder to remove after the worker has ended.
            gpu_lock: a file to close after the worker has ended, which releases the GPU.
            groups: where to create a control group for it.
            waiting: called every few milliseconds while waiting for an answer; an exception from it ends the wait.
        """
        self._reap, self._pidfd = forked.reap, forked.pidfd
        self._connection = Connection(forked.wire, forked.outputs, limits.output_kib, self._enforce_memory_limit)
        self._memory = MemoryWatch(forked.pidfd, limits.memory_mib)
        self._limits, self._scratch, self._gpu_lock, self.group = limits, scratch, gpu_lock, None
        self._closed = False
        self._oom_killed = False
        if groups is not None:
            self.group = self._join_group(groups)  # the worker locks itself meanwhile
        self._become_ready()
        # only now: an exception from `waiting` in the lines above would leave a worker that nobody closes
        self._connection.waiting = waiting

    @property
    def cut_output(self) -> bool:
        """Whether it printed more than its limit."""
        return self._connection.cut_output

    def ask(
        self,
        request: msgspec.Struct,
        tensors: "Iterable[torch.Tensor]" = (),
        *,
        deadline: float,
        on_step: Callable[[messages.Step, float], float] | None = None,
    ) -> "tuple[Any, list[torch.Tensor]]":
        """Send a request and wait for its answer until `deadline` (of `time.monotonic`).

        `on_step` is called with each `Step` and the current deadline, and returns the new one. Raises `WorkerEnded`.
        """
        frame = wire.encode(request, list(tensors))
        with self._closing_on_failure():
            self._connection.send(frame, deadline)
        for number in itertools.count():
            message, received = self._next_message(deadline)
            if not isinstance(message, messages.Step):
                return message, received
            if on_step is not None:  # no cap: a long script is legitimate, and all of its time is charged to a budget
                deadline = on_step(message, deadline)
            elif number > _STEPS_CAP:  # a module imported late, inside a call, sends a few steps too
                break
        raise self._end("protocol", "it sent too many messages")

    def status(self) -> dict[str, str]:
        """The fields of `/proc/<pid>/status`, which a worker cannot forge; empty once it has ended."""
        return status_of(self._pidfd)

    def pid(self) -> int:
        """Its process id as the host sees it; -1 once it is reaped, as another process may then get that id."""
        return pid_of(self._pidfd)

    def close(self) -> int:
        """Kill the worker and reap it; return the exit status, negative for a signal."""
        if self._closed:
            return 0
        self._closed = True
        # takes the whole process tree: the worker is pid 1 of its namespace, or may not fork (seccomp)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        select.select([self._pidfd], [], [], _READY_SECONDS)
        try:
            return self._reap()
        finally:
            self._connection.close()
            os.close(self._pidfd)
            if self._gpu_lock is not None:
                self._gpu_lock.close()
            if self.group is not None:
                self._oom_killed = self.group.ran_out_of_memory()
                self.group.close()
            if self._scratch is not None:
                remove_tree(self._scratch)

    def _become_ready(self) -> None:
        try:
            ready, _ = self._next_message(time.monotonic() + _READY_SECONDS)
        except WorkerEnded as end:
            raise JailError(f"a worker ended before it was ready: {end.detail}") from None
        if not isinstance(ready, messages.Ready) or ready.error is not None:
            self.close()
            raise JailError(f"a worker could not be made ready: {getattr(ready, 'error', 'no report')}")
        if not self._memory.begin(count_untouched=self._gpu_lock is None):
            has_ended = bool(select.select([self._pidfd], [], [], 0)[0])
            self.close()
            raise JailError("a worker ended as soon as it was ready" if has_ended else _PROC_IS_HIDDEN)

    def _join_group(self, groups: Groups) -> Group:
        """Create a control group for the worker and move it there, before any student code runs.

        Its limit is higher than the memory watch's, because it counts more: files in memory, and pages shared with the
        fork server once they are written to. Unlike the watch, it also holds between two requests.
        """
        allowed = (_INHERITED_MIB + self._limits.memory_mib + self._limits.files_mib) << 20
        group = None
        try:
            group = groups.make(allowed, _PROCESSES)
            group.add(self.pid())
        except OSError as error:
            self.close()
            if group is not None:
                group.close()
            raise JailError(f"a worker got no control group: {error}") from None
        return group

    def _end(self, kind: EndKind, detail: str) -> WorkerEnded:
        self.close()
        return WorkerEnded(kind, detail)

    def _over_memory(self) -> WorkerEnded:
        return WorkerEnded("memory", f"it used more than {self._limits.memory_mib} MiB")

    def _died(self) -> WorkerEnded:
        select.select([self._pidfd], [], [], 0.5)  # let it exit: its own status says more than our SIGKILL
        status = self.close()
        if self._oom_killed:
            return self._over_memory()
        if status < 0:
            known = -status in signal.valid_signals()
            name = signal.Signals(-status).name if known else f"signal {-status}"
            return WorkerEnded("crashed", f"its process was ended by {name}")
        return WorkerEnded("crashed", f"its process ended with exit code {status}")

    def _enforce_memory_limit(self) -> None:
        if self._memory.is_over():
            self.close()
            raise self._over_memory()

    def _next_message(self, deadline: float) -> "tuple[Any, list[torch.Tensor]]":
        with self._closing_on_failure():
            return self._connection.receive(deadline)

    @contextlib.contextmanager
    def _closing_on_failure(self) -> Iterator[None]:
        """Close the worker when its connection fails. Raises `WorkerEnded`."""
        try:
            yield
        except TimeoutError as error:
            raise self._end("timeout", str(error)) from None
        except ConnectionError:
            raise self._died() from None
        except wire.WireError as error:
            raise self._end("protocol", f"it sent something that is not an answer ({error})") from None
