"""The connection to one worker: send and receive frames by a deadline, and drain what the worker prints.

It raises ordinary OS errors and never ends the worker; `handle` decides what an error means.
"""

import os
import select
import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from grader.jail.shared import messages, wire

if TYPE_CHECKING:
    import torch

_POLL_SECONDS = 0.02
_CHUNK = 1 << 16


def no_op() -> None:
    """The default for callbacks that are called while waiting."""


class Connection:
    """One worker's socket and output pipes. `close` closes all of them.

    Sending and receiving raise TimeoutError when the deadline (of `time.monotonic`) has passed, and ConnectionError
    when the worker has closed its end.
    """

    waiting: Callable[[], None]
    """Called every few milliseconds while waiting for the worker; an exception from it ends the wait."""

    def __init__(
        self,
        wire_socket: socket.socket,
        outputs: Iterable[int],
        output_kib: int,
        after_wait: Callable[[], None] = no_op,
    ):
        """`after_wait` is called after each wait, as `waiting` is before it."""
        self.waiting = no_op
        self._after_wait = after_wait
        self._socket, self._outputs = wire_socket, set(outputs)
        self._received = bytearray()
        self._output_bytes, self._output_cap = 0, output_kib << 10
        wire_socket.setblocking(False)
        for output in self._outputs:
            os.set_blocking(output, False)

    @property
    def cut_output(self) -> bool:
        """Whether more was printed than the cap allows."""
        return self._output_bytes > self._output_cap

    def send(self, frame: bytes, deadline: float) -> None:
        """Send the whole frame."""
        view = memoryview(frame)
        while view:
            if self._wait(deadline, select.POLLOUT):
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise ConnectionError("the worker closed its end") from None

    def receive(self, deadline: float) -> "tuple[Any, list[torch.Tensor]]":
        """Receive the next message. Raises `WireError`, too, for an invalid one."""
        header_bytes, blob_bytes = wire.lengths(self._read_exactly(wire.PREFIX.size, deadline))
        header = self._read_exactly(header_bytes, deadline)
        return wire.decode(header, self._read_exactly(blob_bytes, deadline), messages.Answer)

    def close(self) -> None:
        self._socket.close()
        for output in self._outputs:
            os.close(output)

    def _read_exactly(self, size: int, deadline: float) -> bytes:
        while len(self._received) < size:
            if self._wait(deadline, select.POLLIN):
                try:
                    part = self._socket.recv(1 << 20)
                except BlockingIOError:
                    continue
                except OSError:
                    part = b""
                if not part:
                    raise ConnectionError("the worker closed its end")
                self._received += part
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _wait(self, deadline: float, event: int) -> bool:
        """Wait briefly for the socket and drain the output; return whether the socket is ready."""
        self.waiting()
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the time was spent")
        poll = select.poll()
        poll.register(self._socket, event)
        for output in self._outputs:
            poll.register(output, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(min(remaining, _POLL_SECONDS) * 1000)}
        for output in self._outputs & ready:
            self._drain(output)
        self._after_wait()  # after every wait: a worker must not escape the memory watch by keeping the socket busy
        return self._socket.fileno() in ready

    def _drain(self, output: int) -> None:
        """Read and discard what was printed, so that a full pipe never blocks the worker."""
        part = os.read(output, _CHUNK)
        if not part:  # closed by the worker
            self._outputs.discard(output)
            os.close(output)
        self._output_bytes += len(part)
