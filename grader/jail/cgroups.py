"""Control groups (cgroups): the kernel's own limit on a worker's memory and processes, where one can be created.

With cgroup v2 this works as root, or in a subtree that was delegated to this user (as systemd does for its users); with
v1 only as root. Only the level `full` needs it.
"""

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.records.errors import Unavailable

_NAME = "rnn-grader"
_REMOVAL_SECONDS = 2.0
_UNUSED_SECONDS = 60.0


class NoGroups(Unavailable):
    """No control group can be created on this machine; the message says why."""


@dataclass(frozen=True)
class Groups:
    """The place in the cgroup file system where groups are created."""

    version: int
    folders: tuple[Path, ...]
    """v2: one folder of the single hierarchy. v1: one of the memory hierarchy, and one of the pids hierarchy if any."""

    def make(self, memory_bytes: int, processes: int) -> "Group":
        """Create a group with these limits. Raises OSError."""
        # the pid alone is not unique: containers that share a hierarchy have their own pid namespaces
        name = f"{_NAME}-{os.getpid()}-{secrets.token_hex(8)}"
        group = Group(self.version, tuple(folder / name for folder in self.folders))
        try:
            for folder in group.folders:
                folder.mkdir()
            group.limit(memory_bytes, processes)
        except BaseException:
            group.close()
            raise
        return group


@dataclass(frozen=True)
class Group:
    """One worker's control group. Close it when the worker has ended."""

    version: int
    folders: tuple[Path, ...]

    def limit(self, memory_bytes: int, processes: int) -> None:
        """Set the limits on memory and on the number of processes. Raises OSError."""
        memory, pids = self.folders[0], self.folders[-1]
        if self.version == 2:
            _write(memory, "memory.max", memory_bytes)
            _write(memory, "memory.oom.group", 1)  # kill all of the worker's processes, not just the largest
            _write(memory, "pids.max", processes)
        else:
            _write(memory, "memory.limit_in_bytes", memory_bytes)
            if pids is not memory:
                _write(pids, "pids.max", processes)
        # swapped-out pages do not count as memory: without a limit on swap, the memory limit would not hold
        swap = ("memory.swap.max", 0) if self.version == 2 else ("memory.memsw.limit_in_bytes", memory_bytes)
        if (memory / swap[0]).exists():
            _write(memory, *swap)

    def add(self, pid: int) -> None:
        """Move a process into the group; only memory allocated from now on counts. Raises OSError."""
        for folder in self.folders:
            _write(folder, "cgroup.procs", pid)

    def holds(self, pid: int) -> bool:
        """Whether the process is in the group, according to the kernel."""
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        return all(any(line.endswith(f"/{folder.name}") for line in lines) for folder in self.folders)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel's OOM killer ended a process of the group."""
        events = "memory.events" if self.version == 2 else "memory.oom_control"
        fields = _words(self.folders[0] / events)
        return "oom_kill" in fields and int(fields[fields.index("oom_kill") + 1]) > 0

    def close(self) -> None:
        """Remove the group. Its processes have ended, but the kernel may take a moment to empty it."""
        deadline = time.monotonic() + _REMOVAL_SECONDS
        for folder in self.folders:
            while True:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    pass
                except OSError:
                    if time.monotonic() < deadline:
                        time.sleep(0.002)
                        continue
                break


def find() -> Groups:
    """The first place where groups can be created, tested with a process. Raises `NoGroups`."""
    problems = []
    for groups in (*_v2_candidates(), *_v1_candidates()):
        try:
            _remove_leftovers(groups)
            _try(groups)
        except OSError as error:
            problems.append(f"{groups.folders[0]}: {error.strerror or error}")
        else:
            return groups
    raise NoGroups("; ".join(problems) or "no control group with the memory controller is mounted")


def _try(groups: Groups) -> None:
    """Move a process into a group: whether that is allowed depends on the group it comes from, too."""
    with subprocess.Popen(["sleep", "60"], env={"PATH": os.environ.get("PATH", os.defpath)}) as process:
        try:
            group = groups.make(1 << 26, 16)
            try:
                group.add(process.pid)
            finally:
                process.kill()
                process.wait()
                group.close()
        finally:
            process.kill()


def _remove_leftovers(groups: Groups) -> None:
    """Remove the groups of graders that were killed."""
    for folder in groups.folders:
        for left in folder.glob(f"{_NAME}-*"):
            with contextlib.suppress(OSError):
                # a group in use cannot be removed; a new one is still empty for a moment, so leave recent ones alone
                if time.time() - left.stat().st_mtime > _UNUSED_SECONDS:
                    left.rmdir()


def _v2_candidates() -> Iterator[Groups]:
    """v2: this process's own group, then each ancestor that delegates the controllers to its children.

    The search stops at a group that limits memory: beyond it, workers would escape a limit set for the whole grader.
    """
    own = _own_folder("cgroup2", "")
    if own is None or not own[1].is_dir():
        return
    mount, folder = own
    if _enable_controllers(folder):
        yield Groups(2, (folder,))
    while folder != mount and _words(folder / "memory.max") in ([], ["max"]):
        folder = folder.parent
        if {"memory", "pids"}.issubset(_words(folder / "cgroup.subtree_control")):
            yield Groups(2, (folder,))


def _enable_controllers(folder: Path) -> bool:
    """Delegate a folder's controllers to its children. v2 forbids that while it holds processes: we move to a child."""
    if {"memory", "pids"}.issubset(_words(folder / "cgroup.subtree_control")):
        return True
    if not {"memory", "pids"}.issubset(_words(folder / "cgroup.controllers")):
        return False
    is_root = not (folder / "cgroup.type").exists()  # the root group is exempt from that rule
    aside = folder / f"{_NAME}-aside-{os.getpid()}"
    try:
        if not is_root:
            if _words(folder / "cgroup.procs") != [str(os.getpid())]:
                return False
            aside.mkdir()
            _write(aside, "cgroup.procs", os.getpid())
        _write(folder, "cgroup.subtree_control", "+memory +pids")
    except OSError:
        with contextlib.suppress(OSError):
            _write(folder, "cgroup.procs", os.getpid())
            aside.rmdir()
        return False
    return True


def _v1_candidates() -> Iterator[Groups]:
    """v1: the groups that this process is in."""
    found = [_own_folder("cgroup", controller) for controller in ("memory", "pids")]
    folders = [own[1] for own in found if own is not None]
    if found[0] is not None and all(folder.is_dir() for folder in folders):
        yield Groups(1, tuple(folders))


def _own_folder(kind: str, controller: str) -> tuple[Path, Path] | None:
    """A hierarchy's mount point and this process's group in it; proc(5) and cgroups(7) describe the two files."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            break
    else:
        return None
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        found, _, options = after.split(" ", 2)
        if found == kind and (not controller or controller in options.split(",")):
            root, mount = before.split()[3:5]
            # a container may mount only its own subtree
            below = path.removeprefix(root) if path.startswith(root) else path
            return Path(mount), Path(mount, below.lstrip("/"))
    return None


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _write(folder: Path, name: str, value: object) -> None:
    (folder / name).write_text(f"{value}\n")
