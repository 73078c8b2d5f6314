"""The trusted side of the jail: who has the spool, the user and the GPU, and which process workers are forked from."""

import importlib.metadata
import itertools
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path
from typing import Any, Literal

from grader.jail import cgroups
from grader.jail.connection import patiently
from grader.jail.environment import check_inherited, free_user
from grader.jail.forkserver import ForkServer, Setup
from grader.jail.gpu import Gpu, take_turn
from grader.jail.handle import JailError, Worker, remove_tree
from grader.jail.shared.layers import CANARY, SCRATCH, SUBMISSION
from grader.records.limits import Limits


class Jail:
    """Where workers come from: they are forked from a warm process, and one that ended is replaced.

    Use as a context manager. `start` returns at once, so that the caller can import torch meanwhile; the first `spawn`
    waits for the process.
    """

    gpu: Gpu | None
    """What each of its workers is shown."""
    trainer: "Jail"
    """Where workers for trainings come from: another one where they run on a GPU."""
    device_versions: dict[str, str]
    """What the device of the trainings adds to the versions that graded."""
    as_root: bool
    uid: int
    """The user that workers run as: one of their own where the grader is root."""
    groups: cgroups.Groups | None
    """Where each worker gets a control group of its own, if this machine lets us make one."""
    no_groups: str | None
    """Why there are none."""
    waiting: Callable[[], None]
    """Called every few milliseconds while a worker's answer is waited for; what it raises ends the wait."""
    folder: Path
    """All that it has on disk."""
    spool: Path
    """Where the submissions lie that its workers are shown."""
    canary: Path
    """A file that everybody may read, and no worker."""
    server: ForkServer
    """What its workers are forked from. It is replaced where it ends."""

    def __init__(
        self,
        packages: Iterable[str] = (),
        gpu: Gpu | None = None,
        beside: "Jail | None" = None,
        imports: Iterable[str] = (),
    ):
        """`gpu` is what each of its workers is shown; with `beside`, it shares that one's submissions and user.

        `packages` are distributions that its workers may import besides, `imports` modules that all of them will need.
        """
        self.gpu, self._beside = gpu, beside
        self._packages, self._imports = tuple(packages), tuple(imports)
        self.trainer = self
        self.device_versions = {}
        self.as_root = os.geteuid() == 0
        self.uid = os.geteuid()
        self.groups, self.no_groups = None, None
        self.waiting = patiently
        self._shown: dict[tuple[str, ...], Jail] = {}
        self._numbers = itertools.count(1)
        self._trains = False
        self._claim: socket.socket | None = None

    def __enter__(self) -> "Jail":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """The kind of device that trainings run on."""
        gpu = self.trainer.gpu
        return "cuda" if gpu is not None and gpu.device == "cuda" else "cpu"

    def train_on(self, gpu: Gpu) -> "Jail":
        """Let trainings run on a GPU: start the jail that their workers come from. Raises `JailError`.

        Its process is one of its own: what the checks on the CPU warm up in a process keeps its forks from using a GPU.
        """
        trainer = Jail(self._packages, gpu, beside=self)
        trainer.start()
        self.trainer = trainer
        return trainer

    def train_here(self) -> None:
        """Let trainings run on the CPU, as they do unless told otherwise."""
        if self.trainer is not self:
            self.trainer.close()
            self.trainer = self
            self.device_versions = {}

    def with_packages(self, packages: Iterable[str], imports: Iterable[str] = ()) -> "Jail":
        """A jail beside this one, whose workers may import these distributions too. Raises `JailError`.

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
            beside = Jail([*self._packages, *wanted], beside=self, imports=imports)
            beside.start()
            self._shown[wanted] = beside
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
        self.spool = self._beside.spool if self._beside is not None else self.folder / "spool"
        for name in ("spool", "root", "tmp"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o711)
        self.canary = self.folder / "canary"
        self.canary.write_text(secrets.token_hex(16))
        self.canary.chmod(0o644)
        self._launch()

    def _launch(self) -> None:
        setup = Setup(self.folder, self.spool, self.uid, self.as_root, self._packages, self._imports, self.gpu)
        self.server = ForkServer(setup)

    def ready(self) -> dict[str, Any]:
        """Wait until workers can be forked; what they can be locked with. Raises `JailError`."""
        return self.server.ready()

    def spawn(
        self,
        entry: str,
        limits: Limits,
        *,
        cpu_seconds: float | None = None,
        waiting: Callable[[], None] = patiently,
    ) -> "Worker":
        """Fork a worker that sees the folder `entry` of the spool as its submission. Raises `JailError`.

        One that is shown a GPU has it alone: `waiting` is called where another one's turn has to end first. A fork
        server that has ended is replaced.
        """
        if self.server.has_ended:
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
        forked = self.server.fork(request)
        waiting = (self._beside or self).waiting
        return Worker(forked, limits, scratch, turn=turn, groups=self.groups, waiting=waiting)

    def prepare_training(self) -> None:
        """Warm up what training needs, once, so that no worker pays for it. Raises `JailError`."""
        if self.trainer is not self:
            self.trainer.prepare_training()
        elif not self._trains:
            self._trains = True
            if self.server.has_ended:
                self._replace()
            else:
                self.server.warm_up_training()

    def new_entry(self) -> Path:
        """A new empty folder in the spool: what a worker may be shown as its submission."""
        if self._beside is not None:  # they share the spool
            return self._beside.new_entry()
        entry = self.spool / f"{next(self._numbers):06d}"
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
        """Start another fork server where this one has ended. Raises `JailError`."""
        self.server.end()
        trained, self._trains = self._trains, False
        self._launch()
        if trained:
            self.server.warm_up_training()
            self._trains = True

    def close(self) -> None:
        """End its fork server and with it every worker; remove its folder."""
        self.train_here()
        while self._shown:
            self._shown.popitem()[1].close()
        self.server.end()
        if self._claim is not None:
            self._claim.close()
        for scratch in self.folder.glob("scratch-*"):
            remove_tree(scratch)
        shutil.rmtree(self.folder, ignore_errors=True)
