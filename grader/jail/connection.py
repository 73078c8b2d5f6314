"""The wire to one worker, and what it prints: frames in and out, each by a deadline.

Raises what the operating system would, and ends nothing: what it means for the worker is the handle's to say.
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


def patiently() -> None:
    """Wait on."""


class Connection:
    """One worker's socket and outputs. All of it is closed with `close`.

    Sending and receiving raise TimeoutError when the deadline (of `time.monotonic`) is over, and ConnectionError where
    the worker has closed its end.
    """

    waiting: Callable[[], None]
    """Called every few milliseconds while the worker is waited for; what it raises ends the wait."""

    def __init__(
        self, wire_socket: socket.socket, outputs: Iterable[int], output_kib: int, look: Callable[[], None] = patiently
    ):
        """`look` is called like `waiting`, behind each wait."""
        self.waiting = patiently
        self._look = look
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
        """Send all of it."""
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
        """The next message. Raises `WireError` too, where it is none."""
        header_bytes, blob_bytes = wire.lengths(self._take(wire.PREFIX.size, deadline))
        header = self._take(header_bytes, deadline)
        return wire.decode(header, self._take(blob_bytes, deadline), messages.Answer)

    def close(self) -> None:
        self._socket.close()
        for output in self._outputs:
            os.close(output)

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
                    raise ConnectionError("the worker closed its end")
                self._received += part
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _wait(self, deadline: float, event: int) -> bool:
        """Wait a little for the wire and drain the output. Whether the wire is ready."""
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
        self._look()  # however busy the worker keeps the wire
        return self._socket.fileno() in ready

    def _drain(self, output: int) -> None:
        """Read what was printed and drop it, so that a print never blocks."""
        part = os.read(output, _CHUNK)
        if not part:  # closed by the worker
            self._outputs.discard(output)
            os.close(output)
        self._output_bytes += len(part)
