"""The trusted handle on one worker: asks it, and ends it where it breaks a limit.

`connection` keeps the deadlines and `memory_watch` the memory; only here is a worker ended: through its pidfd, which
takes the whole tree with it. What a worker sends is decoded by `wire` and believed by nobody.
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
from grader.jail.connection import Connection, patiently
from grader.jail.memory_watch import MemoryWatch, pid_of, status_of
from grader.jail.shared import messages, wire
from grader.records.errors import GraderFault, StudentFault
from grader.records.limits import Limits

if TYPE_CHECKING:
    import torch

_READY_SECONDS = 30.0
_STEPS_CAP = 20_000
_PROCESSES = 64  # threads count
_INHERITED_MIB = 400
"""More than the zygote's own memory, measured at 220 with all that training imports."""
_HIDDEN = (
    "this machine hides processes (/proc is mounted with hidepid), so a worker's memory cannot be watched; "
    "mount it with hidepid=0, or with gid= and a group of the grader's user"
)

EndKind = Literal["timeout", "memory", "crashed", "protocol"]


class JailError(GraderFault):
    """The jail itself failed: never the student's fault."""


class ZygoteGone(JailError):
    """The process that workers are forked from has ended; the next one is forked from another."""


class WorkerEnded(StudentFault):
    """A worker is gone: it ran out of time or memory, died, or broke the protocol."""

    kind: EndKind
    detail: str
    doing: str
    """What was asked of the worker, in a student's words."""
    during: str
    """What the check under way promises."""

    def __init__(self, kind: EndKind, detail: str):
        super().__init__(detail)
        self.kind, self.detail = kind, detail
        self.doing = self.during = ""


def remove_tree(folder: Path) -> None:
    """Remove what a worker left, whatever modes its folders have and however deep they are.

    Each folder is moved up before it is looked into: no recursion, no path that grows too long.
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
    """A new process, as the fork hands it over: who takes it closes its descriptors, kills and reaps it."""

    pidfd: int
    wire: socket.socket
    outputs: tuple[int, int]
    """The reading ends of its standard output and error."""
    reap: Callable[[], int]
    """Collects the exit status, once it has ended."""


class Worker:
    """One jailed process. After `WorkerEnded` it is gone and reaped."""

    group: Group | None
    """The control group that it has to itself, where it has one."""

    def __init__(
        self,
        forked: Forked,
        limits: Limits,
        scratch: Path | None = None,
        *,
        turn: FileIO | None = None,
        groups: Groups | None = None,
        waiting: Callable[[], None] = patiently,
    ):
        """Wait until the worker says that it is locked. Raises `JailError` where it is not.

        Args:
            scratch: a folder to remove with it.
            turn: a file to close when it is gone: its turn on the GPU.
            groups: where to make a control group for it.
            waiting: called every few milliseconds while its answer is waited for; what it raises ends the wait.
        """
        self._reap, self._pidfd = forked.reap, forked.pidfd
        self._connection = Connection(forked.wire, forked.outputs, limits.output_kib, self._keep_memory)
        self._memory = MemoryWatch(forked.pidfd, limits.memory_mib)
        self._limits, self._scratch, self._turn, self.group = limits, scratch, turn, None
        self._closed = False
        self._ran_out = False
        if groups is not None:
            self.group = self._confine(groups)  # meanwhile, it locks itself
        self._become_ready()
        self._connection.waiting = waiting  # from now on its owner closes it

    @property
    def cut_output(self) -> bool:
        """Whether it printed more than it may."""
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

        `on_step` is called with each `Step` and the deadline in force, and returns the new one. Raises `WorkerEnded`.
        """
        frame = wire.encode(request, list(tensors))
        with self._ending():
            self._connection.send(frame, deadline)
        for number in itertools.count():
            message, received = self._next_message(deadline)
            if not isinstance(message, messages.Step):
                return message, received
            if on_step is not None:  # a long script is no attack, and each moment of it is charged to somebody's time
                deadline = on_step(message, deadline)
            elif number > _STEPS_CAP:  # a neighbour that is imported late has steps as well
                break
        raise self._end("protocol", "it sent too many messages")

    def status(self) -> dict[str, str]:
        """The kernel's word on the process: the fields of `/proc/<pid>/status`; empty once it has ended."""
        return status_of(self._pidfd)

    def pid(self) -> int:
        """Its process id as the host sees it; -1 once it is reaped. Not to be used after that: another may get it."""
        return pid_of(self._pidfd)

    def close(self) -> int:
        """Kill the whole tree and reap it; the exit status, negative for a signal."""
        if self._closed:
            return 0
        self._closed = True
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        select.select([self._pidfd], [], [], _READY_SECONDS)
        try:
            return self._reap()
        finally:
            self._connection.close()
            os.close(self._pidfd)
            if self._turn is not None:
                self._turn.close()
            if self.group is not None:
                self._ran_out = self.group.ran_out_of_memory()
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
        if not self._memory.begin(with_untouched=self._turn is None):
            has_ended = bool(select.select([self._pidfd], [], [], 0)[0])
            self.close()
            raise JailError("a worker ended as soon as it was ready" if has_ended else _HIDDEN)

    def _confine(self, groups: Groups) -> Group:
        """A control group of its own, for what it takes from now on. Its limit is behind the watch's.

        It counts more than the watch does: files in memory, and pages shared with the zygote once they are written.
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
        select.select([self._pidfd], [], [], 0.5)  # its own exit status tells more than our signal
        status = self.close()
        if self._ran_out:
            return self._over_memory()
        if status < 0:
            known = -status in signal.valid_signals()
            name = signal.Signals(-status).name if known else f"signal {-status}"
            return WorkerEnded("crashed", f"its process was ended by {name}")
        return WorkerEnded("crashed", f"its process ended with exit code {status}")

    def _keep_memory(self) -> None:
        if self._memory.is_over():
            self.close()
            raise self._over_memory()

    def _next_message(self, deadline: float) -> "tuple[Any, list[torch.Tensor]]":
        with self._ending():
            return self._connection.receive(deadline)

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """End the worker where its connection fails. Raises `WorkerEnded`."""
        try:
            yield
        except TimeoutError as error:
            raise self._end("timeout", str(error)) from None
        except ConnectionError:
            raise self._died() from None
        except wire.WireError as error:
            raise self._end("protocol", f"it sent something else than an answer ({error})") from None
