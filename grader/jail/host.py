"""The trusted side of the jail: it owns the spool, the workers' user id and the fork server, and spawns workers."""

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
from grader.jail.connection import no_op
from grader.jail.environment import check_inherited, free_user
from grader.jail.forkserver import ForkServer, Setup
from grader.jail.gpu import Gpu, lock_gpu
from grader.jail.handle import JailError, Worker, remove_tree
from grader.jail.shared.layers import CANARY, SCRATCH, SUBMISSION
from grader.records.limits import Limits


class Jail:
    """A sandbox: spawns workers from a warm fork server, which it replaces when that dies.

    Use as a context manager. `start` returns at once, so that the caller can import torch meanwhile; the first `spawn`
    waits for the fork server.
    """

    gpu: Gpu | None
    """The GPU that each of its workers may use."""
    trainer: "Jail"
    """The jail that spawns workers for trainings: itself, or a second jail where trainings run on a GPU."""
    device_versions: dict[str, str]
    """Versions of the training device, reported with those of the packages."""
    as_root: bool
    uid: int
    """The user that workers run as: an unused one where the grader is root, else its own."""
    groups: cgroups.Groups | None
    """Where each worker gets its own control group, if this machine allows that."""
    no_groups: str | None
    """Why control groups are not available."""
    waiting: Callable[[], None]
    """Called every few milliseconds while waiting for a worker's answer; an exception from it ends the wait."""
    folder: Path
    """The folder that holds all its files."""
    spool: Path
    """The folder of staged submissions, of which each worker sees one."""
    canary: Path
    """A world-readable file that no worker may open: the isolation is measured with it."""
    server: ForkServer
    """The fork server that its workers come from. It is replaced when it dies."""

    def __init__(
        self,
        packages: Iterable[str] = (),
        gpu: Gpu | None = None,
        parent: "Jail | None" = None,
        imports: Iterable[str] = (),
    ):
        """Configure a jail; `start` starts it.

        Args:
            packages: further distributions that its workers may import.
            gpu: the GPU that its workers may use.
            parent: a jail whose spool and user id it shares.
            imports: modules that the fork server imports once for all workers.
        """
        self.gpu, self._parent = gpu, parent
        self._packages, self._imports = tuple(packages), tuple(imports)
        self.trainer = self
        self.device_versions = {}
        self.as_root = os.geteuid() == 0
        self.uid = os.geteuid()
        self.groups, self.no_groups = None, None
        self.waiting = no_op
        self._package_jails: dict[tuple[str, ...], Jail] = {}
        self._numbers = itertools.count(1)
        self._is_warmed_up = False
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

    def train_on_gpu(self, gpu: Gpu) -> "Jail":
        """Let trainings run on a GPU: start a second jail for their workers. Raises `JailError`.

        It needs its own fork server: torch counts GPUs once per process, and the backward pass that warms up the fork
        server of the CPU checks does that count, after which none of its forks could use a GPU.
        """
        trainer = Jail(self._packages, gpu, parent=self)
        trainer.start()
        self.trainer = trainer
        return trainer

    def train_on_cpu(self) -> None:
        """Let trainings run on the CPU, which is the default."""
        if self.trainer is not self:
            self.trainer.close()
            self.trainer = self
            self.device_versions = {}

    def with_packages(self, packages: Iterable[str], imports: Iterable[str] = ()) -> "Jail":
        """A second jail whose workers may also import these distributions; without any, this one. Raises `JailError`.

        It is started once, with these `imports`, and closed with this one. Workers of this jail run student code, which
        must not see the packages of a converter.
        """
        wanted = tuple(packages)
        if not wanted:
            return self
        for name in wanted:
            try:
                importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                raise JailError(f"{name} is not installed; install it in the grader's environment") from None
        if wanted not in self._package_jails:
            jail = Jail([*self._packages, *wanted], parent=self, imports=imports)
            jail.start()
            self._package_jails[wanted] = jail
        return self._package_jails[wanted]

    def start(self) -> None:
        """Set up the folder, the user and the control groups, then start the fork server. Raises `JailError`."""
        if sys.platform != "linux":
            raise JailError("this version grades on Linux only; on Windows, use WSL 2")
        check_inherited()
        if self._parent is not None:
            self.uid = self._parent.uid
        elif self.as_root:
            try:
                self.uid, self._claim = free_user()
            except OSError as problem:
                raise JailError(str(problem)) from None
        if self.gpu is None:  # a GPU's driver takes main memory that must not count against the model's limit
            try:
                self.groups = cgroups.find()
            except cgroups.NoGroups as problem:
                self.no_groups = str(problem)
        self.folder = Path(tempfile.mkdtemp(prefix="grade-")).absolute()  # TMPDIR may be relative
        # `chmod` here and below, because `mkdir` applies the user's umask: with umask 077, the workers' own user could
        # not enter, and nothing would be graded. It may enter (x) but not list
        self.folder.chmod(0o711 if self.as_root else 0o700)
        self.spool = self._parent.spool if self._parent is not None else self.folder / "spool"
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
        """Wait until workers can be forked; return the layers that they can be locked with. Raises `JailError`."""
        return self.server.ready()

    def spawn(
        self,
        entry: str,
        limits: Limits,
        *,
        cpu_seconds: float | None = None,
        waiting: Callable[[], None] = no_op,
    ) -> "Worker":
        """Fork a worker that sees the folder `entry` of the spool as its submission. Raises `JailError`.

        A GPU is locked for one worker at a time: `waiting` is called if another worker holds the lock.
        """
        if self.server.has_ended:  # killed from outside, by the OOM killer or an administrator: not the student's fault
            self._restart_server()
        gpu_lock = None
        if self.gpu is not None:
            try:
                gpu_lock = lock_gpu(self.gpu.node, waiting)
            except OSError as error:
                raise JailError(f"{self.gpu.node} cannot be opened: {error.strerror}") from None
        try:
            return self._fork(entry, limits, cpu_seconds or limits.seconds, gpu_lock)
        except BaseException:
            if gpu_lock is not None:
                gpu_lock.close()
            raise

    def _fork(self, entry: str, limits: Limits, cpu_seconds: float, gpu_lock: FileIO | None) -> "Worker":
        namespaces = self.ready()["namespaces"]
        scratch = None
        if not namespaces:  # else the worker mounts its own tmpfs, with a cap on bytes and files
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
                # RLIMIT_CPU only backs up the deadline. All threads share it, so it has to allow every core to be
                # busy until then; the factor 4 is a margin
                "cpu_seconds": int(cpu_seconds * 4 * (os.cpu_count() or 1)) + 10,
            },
        }
        forked = self.server.fork(request)
        waiting = (self._parent or self).waiting  # callers set it on the jail that they opened
        return Worker(forked, limits, scratch, gpu_lock=gpu_lock, groups=self.groups, waiting=waiting)

    def prepare_training(self) -> None:
        """Import what training needs into the fork server, once. Raises `JailError`.

        On demand, because the first optimizer imports 800 modules of torch that exercises without training never use.
        """
        if self.trainer is not self:
            self.trainer.prepare_training()
        elif not self._is_warmed_up:
            self._is_warmed_up = True  # first: `_restart_server` warms the new server up as well
            if self.server.has_ended:
                self._restart_server()
            else:
                self.server.warm_up_training()

    def new_entry(self) -> Path:
        """Create an empty folder in the spool, for a submission."""
        if self._parent is not None:  # jails that share a spool must share its numbers
            return self._parent.new_entry()
        entry = self.spool / f"{next(self._numbers):06d}"
        entry.mkdir()
        entry.chmod(0o700)
        return entry

    def inside_canary(self) -> str:
        """The canary's path as a worker sees it: a file that exists there and must not open."""
        return CANARY if self.ready()["namespaces"] else str(self.canary)

    def torch_file(self) -> Path:
        """A file of torch, which every worker must be able to read."""
        return Path(str(importlib.metadata.distribution("torch").locate_file("torch/__init__.py")))

    def _restart_server(self) -> None:
        """Replace a fork server that has ended. Raises `JailError`."""
        self.server.end()
        trained, self._is_warmed_up = self._is_warmed_up, False
        self._launch()
        if trained:
            self.server.warm_up_training()
            self._is_warmed_up = True

    def close(self) -> None:
        """End the fork server and with it every worker; remove the folder."""
        self.train_on_cpu()
        while self._package_jails:
            self._package_jails.popitem()[1].close()
        self.server.end()
        if self._claim is not None:
            self._claim.close()
        for scratch in self.folder.glob("scratch-*"):
            remove_tree(scratch)
        shutil.rmtree(self.folder, ignore_errors=True)
