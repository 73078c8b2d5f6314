"""Inside the jail, before any student code: try what must not work, and report how each try ended."""

import errno
import os
import socket
from collections.abc import Callable

import torch

from grader.jail.shared.messages import Probed


def probe(outside: str, inside: str) -> Probed:
    """Outcomes by name: `done`, or the name of the errno.

    Args:
        outside: a world-readable file of the host.
        inside: a file in the worker's own root that is not on the allow-list.
    """
    attempts: dict[str, Callable[[], object]] = {
        "read a file of the host": lambda: _open(outside, os.O_RDONLY),
        "read a file that is not allowed": lambda: _open(inside, os.O_RDONLY),
        "write a file of the host": lambda: _open(f"{outside}.new", os.O_WRONLY | os.O_CREAT),
        "open a socket": lambda: socket.socket().close(),
        "start a process": _fork,
        "signal a process": lambda: os.kill(1, 0),
        "change a mode": lambda: os.chmod(".", 0o777),
        "read the library": lambda: _open(torch.__file__, os.O_RDONLY),
    }
    return Probed({name: _outcome(attempt) for name, attempt in attempts.items()})


def try_device(device: torch.device) -> tuple[str, torch.Tensor]:
    """The device's name, and a gradient that it computed."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device, requires_grad=True)
    (x @ x).sum().backward()
    assert x.grad is not None
    return name, x.grad


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "OSError")
    return "done"


def _open(path: str, flags: int) -> None:
    os.close(os.open(path, flags, 0o600))


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
