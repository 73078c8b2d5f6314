"""The trusted side of the jail: starts the zygote with a clean environment and asks it for workers."""

import contextlib
import importlib.metadata
import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any, Literal

import msgspec

from grader.jail import cgroups
from grader.jail.environment import check_inherited, clean_environment, free_user, needed_capabilities
from grader.jail.gpu import Gpu, take_turn
from grader.jail.handle import JailError, Worker, ZygoteGone, patiently, remove_tree
from grader.jail.shared.layers import CANARY, SCRATCH, SUBMISSION
from grader.jail.view import worker_view
from grader.records.limits import Limits

_START_SECONDS = 120.0
_PIECE = 1 << 15  # bytes; a message must fit into the buffer of the socket


class Zygote:
    """A warm process that workers are forked from. Use as a context manager.

    `start` returns at once, so that the caller can import torch meanwhile; the first `spawn` waits for it.
    """

    def __init__(
        self,
        packages: Iterable[str] = (),
        gpu: Gpu | None = None,
        beside: "Zygote | None" = None,
        imports: Iterable[str] = (),
    ):
        """`gpu` is what each of its workers is shown; with `beside`, it shares that one's submissions and user.

        `imports` are modules that all its workers will need.
        """
        self.gpu, self._beside, self._imports = gpu, beside, list(imports)
        self.trainer: Zygote = self
        """The zygote that workers for trainings come from: another one where they run on a GPU."""
        self._shown: dict[tuple[str, ...], Zygote] = {}
        self.device_versions: dict[str, str] = {}
        """What the device of the trainings adds to the versions that graded."""
        self._packages = list(packages)
        self._ready: dict[str, Any] | None = None
        self._entries: Iterator[int] = itertools.count(1) if beside is None else beside._entries
        self._trains = False
        self._is_gone = False
        self._claim: socket.socket | None = None
        self.as_root = os.geteuid() == 0
        self.uid = os.geteuid()
        """The user that workers run as: one of their own where the grader is root."""
        self.groups: cgroups.Groups | None = None
        """Where each worker gets a control group of its own, if this machine lets us make one."""
        self.no_groups: str | None = None
        """Why there are none."""
        self.waiting: Callable[[], None] = patiently
        """Called every few milliseconds while a worker's answer is waited for; what it raises ends the wait."""

    def __enter__(self) -> "Zygote":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """The kind of device that trainings run on."""
        gpu = self.trainer.gpu
        return "cuda" if gpu is not None and gpu.device == "cuda" else "cpu"

    def train_on(self, gpu: Gpu) -> "Zygote":
        """Let trainings run on a GPU: start the zygote that their workers come from. Raises `JailError`.

        It is one of its own: what the checks on the CPU warm up in a process keeps its forks from using a GPU.
        """
        trainer = Zygote(self._packages, gpu, beside=self)
        trainer.start()
        self.trainer = trainer
        return trainer

    def train_here(self) -> None:
        """Let trainings run on the CPU, as they do unless told otherwise."""
        if self.trainer is not self:
            self.trainer.close()
            self.trainer = self
            self.device_versions = {}

    def showing(self, packages: Iterable[str], imports: Iterable[str] = ()) -> "Zygote":
        """A zygote beside this one, whose workers may import these distributions too. Raises `JailError`.

        It is started once, with these `imports`, and ends with this one; for no distributions, it is this one.
        """
        wanted = tuple(packages)
        if not wanted:
            return self
        for name in wanted:
            try:
                importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                raise JailError(f"{name} is not installed; install it beside the grader") from None
        if wanted not in self._shown:
            zygote = Zygote([*self._packages, *wanted], beside=self, imports=imports)
            zygote.start()
            self._shown[wanted] = zygote
        return self._shown[wanted]

    def start(self) -> None:
        """Take a folder, a user and the control groups, then start the launcher. Raises `JailError`."""
        if sys.platform != "linux":
            raise JailError("this version grades on Linux only; on Windows, use WSL 2")
        check_inherited()
        if self._beside is not None:
            self.uid = self._beside.uid
        elif self.as_root:
            try:
                self.uid, self._claim = free_user()
            except OSError as problem:
                raise JailError(str(problem)) from None
        if self.gpu is None:  # what a driver takes of main memory is not a model's to answer for
            try:
                self.groups = cgroups.find()
            except cgroups.NoGroups as problem:
                self.no_groups = str(problem)
        self.folder = Path(tempfile.mkdtemp(prefix="grade-")).absolute()  # with TMPDIR=. it is not
        # here and below: `chmod`, because what `mkdir` is asked for goes through the user's umask
        self.folder.chmod(0o711 if self.as_root else 0o700)
        self.spool: Path = self._beside.spool if self._beside is not None else self.folder / "spool"
        for name in ("spool", "root", "tmp"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o711)
        self.canary = self.folder / "canary"
        self.canary.write_text(secrets.token_hex(16))
        self.canary.chmod(0o644)
        self._launch()

    def _launch(self) -> None:
        """Start the launcher with a clean environment and hand it the plan."""
        view = worker_view(self._packages, self.gpu)
        library_path = self.gpu.folder if self.gpu is not None else None
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = (self.folder / "zygote.log").open("w+b")
        with theirs:
            self._launcher = subprocess.Popen(
                _command(sys.executable, view.package_root, theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=clean_environment(self.folder / "tmp", library_path),
                cwd="/",
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )
        plan = {
            "view": msgspec.to_builtins(view),
            "root": str(self.folder / "root"),
            "spool": str(self.spool),
            "canary": self.canary.read_text(),
            "uid": self.uid,
            "imports": self._imports,
            "device": self.gpu.device if self.gpu is not None else None,
            "keep_capabilities": needed_capabilities([*view.readable, self.spool]) if self.as_root else [],
        }
        data = json.dumps(plan).encode() + b"\n"
        with contextlib.suppress(OSError):  # a launcher that is gone is reported by `ready`
            for start in range(0, len(data), _PIECE):
                self._control.send(data[start : start + _PIECE])

    def ready(self) -> dict[str, Any]:
        """Wait until the zygote serves; what it can lock workers with. Raises `JailError`."""
        if self._ready is None:
            self._control.settimeout(_START_SECONDS)
            self._ready = self._receive()[0]["ready"]
        return self._ready

    def spawn(
        self,
        entry: str,
        limits: Limits,
        *,
        cpu_seconds: float | None = None,
        waiting: Callable[[], None] = patiently,
    ) -> "Worker":
        """Fork a worker that sees the folder `entry` of the spool as its submission. Raises `JailError`.

        One that is shown a GPU has it alone: `waiting` is called where another one's turn has to end first. A zygote
        that has ended is replaced.
        """
        if self._is_gone or self._launcher.poll() is not None:
            self._replace()
        turn = None
        if self.gpu is not None:
            try:
                turn = take_turn(self.gpu.node, waiting)
            except OSError as error:
                raise JailError(f"{self.gpu.node} cannot be opened: {error.strerror}") from None
        try:
            return self._fork(entry, limits, cpu_seconds or limits.seconds, turn)
        except BaseException:
            if turn is not None:
                turn.close()
            raise

    def _fork(self, entry: str, limits: Limits, cpu_seconds: float, turn: FileIO | None) -> "Worker":
        namespaces = self.ready()["namespaces"]
        scratch = None
        if not namespaces:
            scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=self.folder))
            scratch.chmod(0o700)
            if self.as_root:
                os.chown(scratch, self.uid, self.uid)
        request = {
            "entry": entry,
            "submission": SUBMISSION if namespaces else str(self.spool / entry),
            "scratch": SCRATCH if namespaces else str(scratch),
            "limits": {
                "memory_mib": limits.memory_mib,
                "files_mib": limits.files_mib,
                # threads share it, so it only backs the deadline up
                "cpu_seconds": int(cpu_seconds * 4 * (os.cpu_count() or 1)) + 10,
            },
        }
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
        outputs, waiting = (out_read, error_read), (self._beside or self).waiting
        return Worker(lambda: self._reap(pid), pidfd, ours, outputs, limits, scratch, turn, self.groups, waiting)

    def prepare_training(self) -> None:
        """Warm up what training needs, once, so that no worker pays for it. Raises `JailError`."""
        if self.trainer._trains:
            return
        self.trainer._trains = True
        if self.trainer._is_gone or self.trainer._launcher.poll() is not None:
            self.trainer._replace()
        else:
            self.trainer._ask({"train": True}, [])

    def new_entry(self) -> Path:
        """A new empty folder in the spool: what a worker may be shown as its submission."""
        entry = self.spool / f"{next(self._entries):06d}"
        entry.mkdir()
        entry.chmod(0o700)
        return entry

    def inside_canary(self) -> str:
        """A file in a worker's root that it may not open."""
        return CANARY if self.ready()["namespaces"] else str(self.canary)

    def library(self) -> Path:
        """A file of torch's, which every worker must be able to read."""
        return Path(str(importlib.metadata.distribution("torch").locate_file("torch/__init__.py")))

    def _replace(self) -> None:
        """Start another zygote where this one has ended. Raises `JailError`."""
        self._end()
        trained, self._trains, self._ready, self._is_gone = self._trains, False, None, False
        self._launch()
        if trained:
            self._ask({"train": True}, [])
            self._trains = True

    def _reap(self, pid: int) -> int:
        return int(self._ask({"reap": pid}, [])[0]["status"])

    def close(self) -> None:
        """End the zygote and with it every worker; remove its folder."""
        self.train_here()
        while self._shown:
            self._shown.popitem()[1].close()
        self._end()
        if self._claim is not None:
            self._claim.close()
        for scratch in self.folder.glob("scratch-*"):
            remove_tree(scratch)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self) -> None:
        self._control.close()
        try:
            self._launcher.wait(5)
        except subprocess.TimeoutExpired:
            self._launcher.kill()
            self._launcher.wait()
        self._log.close()

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
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return ZygoteGone(f"{reason}: {lines[-1]}" if lines else reason)


def _command(python: str, package_root: str, descriptor: int) -> list[str]:
    """The command line that starts the launcher: isolated, no site, no bytecode written, UTF-8."""
    start = f"from grader.jail.inside.launcher import main; main({descriptor})"
    code = f"import sys; sys.path.append({package_root!r}); {start}"
    return [python, "-I", "-S", "-B", "-X", "utf8", "-c", code]
