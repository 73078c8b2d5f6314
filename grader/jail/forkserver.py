"""The host's handle on the fork server (the zygote), the warm process that workers are forked from.

It is started with a clean environment and takes requests over a control socket.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from grader.jail.environment import clean_environment, needed_capabilities
from grader.jail.gpu import Gpu
from grader.jail.handle import Forked, ZygoteGone
from grader.jail.view import worker_view

_START_SECONDS = 120.0
_PIECE = 1 << 15  # bytes; a SOCK_SEQPACKET message must fit into the socket's buffer


@dataclass(frozen=True)
class Setup:
    """The configuration of a fork server."""

    folder: Path
    """Its own folder, with its `root`, its `tmp`, its canary and its log."""
    spool: Path
    """The folder of staged submissions, of which each worker sees one."""
    uid: int
    """The user that its workers run as."""
    as_root: bool
    packages: tuple[str, ...] = ()
    """Further distributions that its workers may import."""
    imports: tuple[str, ...] = ()
    """Modules to import before the first fork."""
    gpu: Gpu | None = None
    """The GPU that its workers may use."""

    @property
    def canary(self) -> Path:
        """A world-readable file that no worker may open: the isolation is measured with it."""
        return self.folder / "canary"


class ForkServer:
    """A running fork server: the launcher process, and the zygote that it becomes or starts.

    The constructor returns at once; the first request waits until the server is ready. After `ZygoteGone`, start
    another one.
    """

    launcher: subprocess.Popen[bytes]
    """The first process: when it ends, the zygote and all workers end with it."""

    def __init__(self, setup: Setup):
        self._ready: dict[str, Any] | None = None
        self._is_gone = False
        self._launch(setup)

    def _launch(self, setup: Setup) -> None:
        """Start the launcher with a clean environment and send it the plan."""
        view = worker_view(setup.packages, setup.gpu)
        library_path = setup.gpu.folder if setup.gpu is not None else None
        self._control, launcher_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = (setup.folder / "zygote.log").open("w+b")
        with launcher_end:
            self.launcher = subprocess.Popen(
                _command(sys.executable, view.package_root, launcher_end.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=clean_environment(setup.folder / "tmp", library_path),
                cwd="/",
                start_new_session=True,
                pass_fds=[launcher_end.fileno()],
            )
        plan = {
            "view": msgspec.to_builtins(view),
            "root": str(setup.folder / "root"),
            "spool": str(setup.spool),
            "canary": setup.canary.read_text(),
            "uid": setup.uid,
            "imports": setup.imports,
            "device": setup.gpu.device if setup.gpu is not None else None,
            "keep_capabilities": needed_capabilities([*view.readable, setup.spool]) if setup.as_root else [],
        }
        data = json.dumps(plan).encode() + b"\n"
        with contextlib.suppress(OSError):  # if the launcher has died already, `ready` reports it
            for start in range(0, len(data), _PIECE):
                self._control.send(data[start : start + _PIECE])

    @property
    def has_ended(self) -> bool:
        """Whether the server has ended."""
        return self._is_gone or self.launcher.poll() is not None

    def ready(self) -> dict[str, Any]:
        """Wait until the server is ready; return the layers that it can lock workers with. Raises `ZygoteGone`."""
        if self._ready is None:
            self._control.settimeout(_START_SECONDS)
            self._ready = self._receive()[0]["ready"]
        return self._ready

    def fork(self, request: dict[str, Any]) -> Forked:
        """Fork a worker, which then locks itself down. Raises `ZygoteGone`."""
        host_end, worker_end = socket.socketpair()
        out_read, out_write = os.pipe()
        error_read, error_write = os.pipe()
        try:
            given = [worker_end.fileno(), out_write, error_write]
            answer, pidfd = self._ask({"spawn": request}, given)
        except BaseException:
            host_end.close()
            os.close(out_read)
            os.close(error_read)
            raise
        finally:
            worker_end.close()
            os.close(out_write)
            os.close(error_write)
        pid = answer["pid"]
        return Forked(pidfd, host_end, (out_read, error_read), lambda: self._reap(pid))

    def warm_up_training(self) -> None:
        """Make one optimizer step in the server, so that workers inherit the imports it needs. Raises `ZygoteGone`."""
        self._ask({"train": True}, [])

    def end(self) -> None:
        """End the server and with it every worker."""
        self._control.close()
        try:
            self.launcher.wait(5)
        except subprocess.TimeoutExpired:
            self.launcher.kill()
            self.launcher.wait()
        self._log.close()

    def _reap(self, pid: int) -> int:
        return int(self._ask({"reap": pid}, [])[0]["status"])

    def _ask(self, request: dict[str, Any], descriptors: list[int]) -> tuple[dict[str, Any], int]:
        self.ready()
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
        except OSError as error:
            raise self._gone(f"the fork server is gone: {error}") from None
        return self._receive()

    def _receive(self) -> tuple[dict[str, Any], int]:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, 1 << 16, 1)
        except OSError as error:
            raise self._gone(f"no answer from the fork server: {error}") from None
        if not data:
            raise self._gone("the fork server ended")
        return json.loads(data), descriptors[0] if descriptors else -1

    def _gone(self, reason: str) -> ZygoteGone:
        """The exception for a server that no longer answers, with the last line of its log."""
        self._is_gone = True
        if self._log.closed:  # a worker is being reaped after the server was ended
            return ZygoteGone(reason)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return ZygoteGone(f"{reason}: {lines[-1]}" if lines else reason)


def _command(python: str, package_root: str, descriptor: int) -> list[str]:
    """The command line that starts the launcher: isolated, no site, no bytecode written, UTF-8."""
    start = f"from grader.jail.inside.launcher import main; main({descriptor})"
    code = f"import sys; sys.path.append({package_root!r}); {start}"
    return [python, "-I", "-S", "-B", "-X", "utf8", "-c", code]
