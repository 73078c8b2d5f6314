"""The trusted handle on one worker: speaks the wire with it and keeps its limits.

Deadlines, memory and output are watched here, and only here is a worker ended: through its pidfd, which takes the
whole tree with it. What a worker sends is decoded by `wire` and believed by nobody.
"""

import contextlib
import itertools
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from grader.jail.cgroups import Group, Groups
from grader.jail.shared import messages, wire
from grader.records.errors import GraderFault, StudentFault
from grader.records.limits import Limits

if TYPE_CHECKING:
    import torch

_POLL_SECONDS = 0.02
_READY_SECONDS = 30.0
_STEPS_CAP = 20_000
_CHUNK = 1 << 16
_PROCESSES = 64  # threads count
_INHERITED_MIB = 400
"""More than the zygote's own memory, measured at 220 with all that training imports."""
_HIDDEN = (
    "this machine hides processes (/proc is mounted with hidepid), so a worker's memory cannot be watched; "
    "mount it with hidepid=0, or with gid= and a group of the grader's user"
)

EndKind = Literal["timeout", "memory", "crashed", "protocol"]


class JailError(GraderFault):
    """The jail itself failed: our fault, never the student's."""


class ZygoteGone(JailError):
    """The process that workers are forked from has ended; the next one is forked from another."""


def patiently() -> None:
    """Wait on."""


class WorkerEnded(StudentFault):
    """A worker is gone: it ran out of time or memory, died, or broke the protocol."""

    def __init__(self, kind: EndKind, detail: str):
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.doing = ""
        """What was asked of the worker, in a student's words."""
        self.during = ""
        """What the check under way promises."""


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


class Worker:
    """One jailed process. After `WorkerEnded` it is gone and reaped."""

    def __init__(
        self,
        reap: Callable[[], int],
        pidfd: int,
        wire_socket: socket.socket,
        outputs: Iterable[int],
        limits: Limits,
        scratch: Path | None,
        turn: FileIO | None = None,
        groups: Groups | None = None,
        waiting: Callable[[], None] = patiently,
    ):
        """Wait until the worker says that it is locked. Raises `JailError` where it is not.

        Args:
            reap: collects the exit status once the process has ended.
            outputs: the reading ends of its standard output and error.
            scratch: a folder to remove with it.
            turn: a file to close when it is gone: its turn on the GPU.
            groups: where to make a control group for it.
            waiting: called every few milliseconds while its answer is waited for; what it raises ends the wait.
        """
        self.cut_output = False
        self._reap, self._pidfd, self._socket, self._scratch = reap, pidfd, wire_socket, scratch
        self._outputs = set(outputs)
        self._limits, self._turn, self.group = limits, turn, None
        self._received = bytearray()
        self._waiting = patiently
        self._output_bytes = 0
        self._closed = False
        self._ran_out = False
        self._baseline_kib = 0
        self._next_look = 0.0
        wire_socket.setblocking(False)
        for output in self._outputs:
            os.set_blocking(output, False)
        if groups is not None:
            self.group = self._confine(groups)  # meanwhile, it locks itself
        self._become_ready()
        self._waiting = waiting  # from now on its owner closes it

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
        self._write(wire.encode(request, list(tensors)), deadline)
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
        with contextlib.suppress(OSError):
            return _fields(Path(f"/proc/{self.pid()}/status"))
        return {}

    def _status_of_a_thread(self) -> dict[str, str]:
        """The fields of a thread that still has memory; empty where none has."""
        for file in Path(f"/proc/{self.pid()}/task").glob("*/status"):
            with contextlib.suppress(OSError):
                fields = _fields(file)
                if "RssAnon" in fields:
                    return fields
        return {}

    def pid(self) -> int:
        """Its process id as the host sees it; -1 once it is reaped. Not to be used after that: another may get it."""
        return int(_fields(Path(f"/proc/self/fdinfo/{self._pidfd}"))["Pid"])

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
            self._socket.close()
            for descriptor in (self._pidfd, *self._outputs):
                os.close(descriptor)
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
        resident = self._memory_kib()
        # what it inherited and has not touched yet may become resident without being taken: no limit refuses that
        inherited = int(self.status().get("VmData", "0 kB").split()[0]) if self._turn is None else 0
        self._baseline_kib = max(resident, inherited)
        if not resident:
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

    def _write(self, frame: bytes, deadline: float) -> None:
        view = memoryview(frame)
        while view:
            if self._wait(deadline, select.POLLOUT):
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise self._died() from None

    def _next_message(self, deadline: float) -> "tuple[Any, list[torch.Tensor]]":
        try:
            header_bytes, blob_bytes = wire.lengths(self._take(wire.PREFIX.size, deadline))
            header = self._take(header_bytes, deadline)
            return wire.decode(header, self._take(blob_bytes, deadline), messages.Answer)
        except wire.WireError as error:
            raise self._end("protocol", f"it sent something else than an answer ({error})") from None

    def _take(self, size: int, deadline: float) -> bytes:
        while len(self._received) < size:
            if self._wait(deadline, select.POLLIN):
                try:
                    part = self._socket.recv(1 << 20)
                except BlockingIOError:
                    continue
                except OSError:
                    part = b""
                if not part:
                    raise self._died()
                self._received += part
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _wait(self, deadline: float, event: int) -> bool:
        """Wait a little for the wire, drain the output, keep the limits. Whether the wire is ready."""
        self._waiting()
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise self._end("timeout", "the time was spent")
        poll = select.poll()
        poll.register(self._socket, event)
        for output in self._outputs:
            poll.register(output, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(min(remaining, _POLL_SECONDS) * 1000)}
        for output in self._outputs & ready:
            self._drain(output)
        if time.monotonic() >= self._next_look:  # however busy the worker keeps the wire
            self._next_look = time.monotonic() + _POLL_SECONDS
            if self._baseline_kib and self._memory_kib() - self._baseline_kib > self._limits.memory_mib << 10:
                self.close()
                raise self._over_memory()
        return self._socket.fileno() in ready

    def _drain(self, output: int) -> None:
        """Read what was printed and drop it, so that a print never blocks; remember when it was too much."""
        part = os.read(output, _CHUNK)
        if not part:  # closed by the worker
            self._outputs.discard(output)
            os.close(output)
        self._output_bytes += len(part)
        self.cut_output = self._output_bytes > self._limits.output_kib << 10

    def _memory_kib(self) -> int:
        """Memory of its own: what is shared or swapped out included, and the page tables, which an empty map of a
        terabyte fills.

        Reading it needs no right over the process.
        """
        status = self.status()
        if "RssAnon" not in status:  # its main thread has ended; others may go on with the same memory
            status = self._status_of_a_thread()
        return sum(int(status.get(field, "0 kB").split()[0]) for field in ("RssAnon", "RssShmem", "VmSwap", "VmPTE"))


def _fields(file: Path) -> dict[str, str]:
    """A file of the kernel's with a `name:` and a value in each line."""
    text = file.read_bytes().decode("ascii", "replace")  # a process chooses its name, out of any bytes but line ends
    return dict(line.split(":\t", 1) for line in text.split("\n") if ":\t" in line)
