"""The process that workers are forked from: started with a clean environment, then asked over its control socket."""

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
_PIECE = 1 << 15  # bytes; a message must fit into the buffer of the socket


@dataclass(frozen=True)
class Setup:
    """What a fork server is started with."""

    folder: Path
    """Of its own: its `root`, its `tmp`, its canary, its log."""
    spool: Path
    """Where the submissions lie that its workers are shown."""
    uid: int
    """The user that its workers run as."""
    as_root: bool
    packages: tuple[str, ...] = ()
    """Distributions that its workers may import besides."""
    imports: tuple[str, ...] = ()
    """Modules that all its workers will need."""
    gpu: Gpu | None = None
    """What each of its workers is shown."""

    @property
    def canary(self) -> Path:
        """A file that everybody may read, and no worker."""
        return self.folder / "canary"


class ForkServer:
    """One launcher, and the zygote that it becomes or starts. After `ZygoteGone`, start another.

    The constructor returns at once; the first question waits until it serves.
    """

    launcher: subprocess.Popen[bytes]
    """Its first process: where that ends, all end."""

    def __init__(self, setup: Setup):
        self._ready: dict[str, Any] | None = None
        self._is_gone = False
        self._launch(setup)

    def _launch(self, setup: Setup) -> None:
        """Start the launcher with a clean environment and hand it the plan."""
        view = worker_view(setup.packages, setup.gpu)
        library_path = setup.gpu.folder if setup.gpu is not None else None
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = (setup.folder / "zygote.log").open("w+b")
        with theirs:
            self.launcher = subprocess.Popen(
                _command(sys.executable, view.package_root, theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=clean_environment(setup.folder / "tmp", library_path),
                cwd="/",
                start_new_session=True,
                pass_fds=[theirs.fileno()],
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
        with contextlib.suppress(OSError):  # a launcher that is gone is reported by `ready`
            for start in range(0, len(data), _PIECE):
                self._control.send(data[start : start + _PIECE])

    @property
    def has_ended(self) -> bool:
        """Whether it serves no more."""
        return self._is_gone or self.launcher.poll() is not None

    def ready(self) -> dict[str, Any]:
        """Wait until it serves; what it can lock workers with. Raises `ZygoteGone`."""
        if self._ready is None:
            self._control.settimeout(_START_SECONDS)
            self._ready = self._receive()[0]["ready"]
        return self._ready

    def fork(self, request: dict[str, Any]) -> Forked:
        """A new worker, which is about to lock itself. Raises `ZygoteGone`."""
        ours, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        error_read, error_write = os.pipe()
        try:
            given = [theirs.fileno(), out_write, error_write]
            answer, pidfd = self._ask({"spawn": request}, given)
        except BaseException:
            ours.close()
            os.close(out_read)
            os.close(error_read)
            raise
        finally:
            theirs.close()
            os.close(out_write)
            os.close(error_write)
        pid = answer["pid"]
        return Forked(pidfd, ours, (out_read, error_read), lambda: self._reap(pid))

    def warm_up_training(self) -> None:
        """Make one optimizer step, so that no worker pays for what it imports. Raises `ZygoteGone`."""
        self._ask({"train": True}, [])

    def end(self) -> None:
        """End it and with it every worker."""
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
            raise self._gone(f"the zygote is gone: {error}") from None
        return self._receive()

    def _receive(self) -> tuple[dict[str, Any], int]:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, 1 << 16, 1)
        except OSError as error:
            raise self._gone(f"no answer from the zygote: {error}") from None
        if not data:
            raise self._gone("the zygote ended")
        return json.loads(data), descriptors[0] if descriptors else -1

    def _gone(self, reason: str) -> ZygoteGone:
        """What to raise where the zygote does not answer any more; the last line of its log tells more."""
        self._is_gone = True
        if self._log.closed:  # a worker that is reaped behind its end
            return ZygoteGone(reason)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return ZygoteGone(f"{reason}: {lines[-1]}" if lines else reason)


def _command(python: str, package_root: str, descriptor: int) -> list[str]:
    """The command line that starts the launcher: isolated, no site, no bytecode written, UTF-8."""
    start = f"from grader.jail.inside.launcher import main; main({descriptor})"
    code = f"import sys; sys.path.append({package_root!r}); {start}"
    return [python, "-I", "-S", "-B", "-X", "utf8", "-c", code]
