"""A control group for each worker: the kernel's own limit on its memory and processes, where one can be made.

With cgroup v2 that is in a subtree that was delegated to this user (as systemd does for each of its users), or as root;
with v1, as root. Nothing here is needed for less than the level `full`.
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
    """No control group can be made on this machine; the reason, in words."""


@dataclass(frozen=True)
class Groups:
    """Where groups are made."""

    version: int
    folders: tuple[Path, ...]
    """Of v2's only hierarchy; or of v1's memory hierarchy, and of its pids hierarchy where there is one."""

    def make(self, memory_bytes: int, processes: int) -> "Group":
        """A new group with these limits. Raises OSError."""
        # containers that share a hierarchy may have processes with one number
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
    """One worker's group. Close it when the worker is gone."""

    version: int
    folders: tuple[Path, ...]

    def limit(self, memory_bytes: int, processes: int) -> None:
        """Let it have so much memory and so many processes. Raises OSError."""
        memory, pids = self.folders[0], self.folders[-1]
        if self.version == 2:
            _write(memory, "memory.max", memory_bytes)
            _write(memory, "memory.oom.group", 1)
            _write(memory, "pids.max", processes)
        else:
            _write(memory, "memory.limit_in_bytes", memory_bytes)
            if pids is not memory:
                _write(pids, "pids.max", processes)
        # swap, where it is counted: what is swapped out would not count as memory
        swap = ("memory.swap.max", 0) if self.version == 2 else ("memory.memsw.limit_in_bytes", memory_bytes)
        if (memory / swap[0]).exists():
            _write(memory, *swap)

    def add(self, pid: int) -> None:
        """Move a process into it: what it takes from now on counts. Raises OSError."""
        for folder in self.folders:
            _write(folder, "cgroup.procs", pid)

    def holds(self, pid: int) -> bool:
        """Whether the kernel says that the process is in it."""
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        return all(any(line.endswith(f"/{folder.name}") for line in lines) for folder in self.folders)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel killed a process of it for its memory."""
        events = "memory.events" if self.version == 2 else "memory.oom_control"
        words = _words(self.folders[0] / events)
        return "oom_kill" in words and int(words[words.index("oom_kill") + 1]) > 0

    def close(self) -> None:
        """Remove it; its processes have ended, and the kernel may need a moment to notice."""
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
    """Where groups can be made, tried with a process. Raises `NoGroups`."""
    problems = []
    for groups in (*_unified(), *_legacy()):
        try:
            _clear(groups)
            _try(groups)
        except OSError as error:
            problems.append(f"{groups.folders[0]}: {error.strerror or error}")
        else:
            return groups
    raise NoGroups("; ".join(problems) or "no control group with the memory controller is mounted")


def _try(groups: Groups) -> None:
    """Move a process into a group: whether that is allowed depends on where it comes from, too."""
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


def _clear(groups: Groups) -> None:
    """Remove what graders left that were killed."""
    for folder in groups.folders:
        for left in folder.glob(f"{_NAME}-*"):
            with contextlib.suppress(OSError):
                # one in use holds a process from a moment after it was made, and stays
                if time.time() - left.stat().st_mtime > _UNUSED_SECONDS:
                    left.rmdir()


def _unified() -> Iterator[Groups]:
    """v2: a subtree of ours, then each folder from our own upwards that hands the controllers on to its children.

    Never past a folder that limits memory: workers would be free of what was meant for all that the grader starts.
    """
    own = _own_folder("cgroup2", "")
    if own is None or not own[1].is_dir():
        return
    mount, folder = own
    if _hand_on(folder):
        yield Groups(2, (folder,))
    while folder != mount and _words(folder / "memory.max") in ([], ["max"]):
        folder = folder.parent
        if {"memory", "pids"}.issubset(_words(folder / "cgroup.subtree_control")):
            yield Groups(2, (folder,))


def _hand_on(folder: Path) -> bool:
    """Make a folder hand on its controllers, which it can once no process is in it: the only one, we, moves aside."""
    if {"memory", "pids"}.issubset(_words(folder / "cgroup.subtree_control")):
        return True
    if not {"memory", "pids"}.issubset(_words(folder / "cgroup.controllers")):
        return False
    is_root = not (folder / "cgroup.type").exists()  # the root may keep its processes
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


def _legacy() -> Iterator[Groups]:
    """v1: below the groups that this process is in."""
    found = [_own_folder("cgroup", controller) for controller in ("memory", "pids")]
    folders = [own[1] for own in found if own is not None]
    if found[0] is not None and all(folder.is_dir() for folder in folders):
        yield Groups(1, tuple(folders))


def _own_folder(kind: str, controller: str) -> tuple[Path, Path] | None:
    """A hierarchy's mount point and our own group in it; proc(5) and cgroups(7) describe the two files."""
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
            below = path.removeprefix(root) if path.startswith(root) else path  # a container may mount its own part
            return Path(mount), Path(mount, below.lstrip("/"))
    return None


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _write(folder: Path, name: str, value: object) -> None:
    (folder / name).write_text(f"{value}\n")
