"""The trusted side of the jail: starts the zygote with a clean environment and asks it for workers."""

import contextlib
import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path
from typing import Any, Literal

import msgspec

from grader.jail import launcher, lockdown
from grader.jail.gpu import Gpu, take_turn
from grader.jail.handle import JailError, Worker, remove_tree
from grader.jail.view import View, worker_view
from grader.jail.zygote import CANARY, SCRATCH, SUBMISSION
from grader.records import Limits

_START_SECONDS = 120.0
_PIECE = 1 << 15  # bytes; a message must fit into the buffer of the socket


def _patiently() -> None:
    return None


class Zygote:
    """A warm process that workers are forked from. Use as a context manager.

    `start` returns at once, so that the caller can import torch meanwhile; the first `spawn` waits for it.
    """

    def __init__(self, packages: Iterable[str] = (), gpu: Gpu | None = None, spool: Path | None = None):
        """`gpu` is what each of its workers is shown, `spool` a folder of submissions that is shared."""
        self.gpu, self._shared_spool = gpu, spool
        self.trainer: Zygote = self
        """The zygote that workers for trainings come from: another one where they run on a GPU."""
        self.device_versions: dict[str, str] = {}
        """What the device of the trainings adds to the versions that graded."""
        self._packages = list(packages)
        self._ready: dict[str, Any] | None = None
        self._entries = itertools.count(1)
        self._trains = False
        self.as_root = os.geteuid() == 0
        # a dedicated user below 65536, so that it exists in a container with a small range of ids
        self.uid = 60_000 + os.getpid() % 5_000 if self.as_root else os.geteuid()

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
        trainer = Zygote(self._packages, gpu, self.spool)
        trainer._entries = self._entries
        trainer.start()
        self.trainer = trainer
        return trainer

    def train_here(self) -> None:
        """Let trainings run on the CPU, as they do unless told otherwise."""
        if self.trainer is not self:
            self.trainer.close()
            self.trainer = self
            self.device_versions = {}

    def start(self) -> None:
        """Start the launcher with a clean environment and hand it the plan. Raises `JailError`."""
        if sys.platform != "linux":
            raise JailError("this version grades on Linux only; on Windows, use WSL 2")
        self.folder = Path(tempfile.mkdtemp(prefix="grade-"))
        self.folder.chmod(0o711 if self.as_root else 0o700)
        self.spool = self._shared_spool or self.folder / "spool"
        for name in ("spool", "root", "tmp"):
            (self.folder / name).mkdir(mode=0o711)
        canary = secrets.token_hex(16)
        self.canary = self.folder / "canary"
        self.canary.write_text(canary)
        self.canary.chmod(0o644)
        view = worker_view(self._packages, self.gpu)
        library_path = self.gpu.folder if self.gpu is not None else None
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = (self.folder / "zygote.log").open("w+b")
        with theirs:
            self._launcher = subprocess.Popen(
                launcher.command(sys.executable, view.package_root, theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=_clean_environment(self.folder / "tmp", library_path),
                cwd="/",
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )
        plan = {
            "view": msgspec.to_builtins(view),
            "root": str(self.folder / "root"),
            "spool": str(self.spool),
            "canary": canary,
            "uid": self.uid,
            "device": self.gpu.device if self.gpu is not None else None,
            "keep_capabilities": self._needed_capabilities(view),
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
        waiting: Callable[[], None] = _patiently,
    ) -> "Worker":
        """Fork a worker that sees the folder `entry` of the spool as its submission. Raises `JailError`.

        One that is shown a GPU has it alone: `waiting` is called where another one's turn has to end first.
        """
        self.ready()
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
        return Worker(lambda: self._reap(pid), pidfd, ours, (out_read, error_read), limits, scratch, turn)

    def prepare_training(self) -> None:
        """Warm up what training needs, once, so that no worker pays for it. Raises `JailError`."""
        if not self.trainer._trains:
            self.trainer._ask({"train": True}, [])
            self.trainer._trains = True

    def new_entry(self) -> Path:
        """A new empty folder in the spool: what a worker may be shown as its submission."""
        entry = self.spool / f"{next(self._entries):06d}"
        entry.mkdir(mode=0o700)
        return entry

    def inside_canary(self) -> str:
        """A file in a worker's root that it may not open."""
        return CANARY if self.ready()["namespaces"] else str(self.canary)

    def _reap(self, pid: int) -> int:
        return int(self._ask({"reap": pid}, [])[0]["status"])

    def close(self) -> None:
        """End the zygote and with it every worker; remove its folder."""
        self.train_here()
        self._control.close()
        try:
            self._launcher.wait(5)
        except subprocess.TimeoutExpired:
            self._launcher.kill()
            self._launcher.wait()
        self._log.close()
        for scratch in self.folder.glob("scratch-*"):
            remove_tree(scratch)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _needed_capabilities(self, view: View) -> list[int]:
        """What a dedicated user needs where no namespaces rebuild the tree: to pass folders that are root's alone.

        It is the right to read and search, nothing else; Landlock's list still says what may be opened.
        """
        folders = {parent for path in (*view.readable, str(self.spool)) for parent in Path(path).parents}
        closed = any(folder.exists() and not folder.stat().st_mode & 0o001 for folder in folders)
        if not (self.as_root and closed):
            return []
        # root in a default container has the wider right only
        held = lockdown.permitted_capabilities()
        return [lockdown.CAP_DAC_READ_SEARCH if held >> lockdown.CAP_DAC_READ_SEARCH & 1 else lockdown.CAP_DAC_OVERRIDE]

    def _ask(self, request: dict[str, Any], descriptors: list[int]) -> tuple[dict[str, Any], int]:
        self.ready()
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
        except OSError as error:
            raise JailError(f"the zygote is gone: {error}{self._log_tail()}") from None
        return self._receive()

    def _receive(self) -> tuple[dict[str, Any], int]:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, 1 << 16, 1)
        except OSError as error:
            raise JailError(f"no answer from the zygote: {error}{self._log_tail()}") from None
        if not data:
            raise JailError(f"the zygote ended{self._log_tail()}")
        return json.loads(data), descriptors[0] if descriptors else -1

    def _log_tail(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


def _clean_environment(temporary: Path, library_path: str | None = None) -> dict[str, str]:
    """All that the launcher, and so each worker, inherits: a fork copies even what `environ.clear()` forgets."""
    return {
        # no zygote may start a GPU's driver; asked in the second way, torch does not even count what it may not see
        "CUDA_VISIBLE_DEVICES": "",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        **({} if library_path is None else {"LD_LIBRARY_PATH": library_path}),
        "LANG": "C.UTF-8",
        "TMPDIR": str(temporary),
        "HOME": str(temporary),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
