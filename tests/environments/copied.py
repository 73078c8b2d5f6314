"""A copy of the jail whose calls can be ordered to fail: what `faults.py` is put into, and the orders it is given."""

import json
import shutil
import time
from pathlib import Path

import msgspec
import pytest

import grader
from grader.jail.host import Jail
from grader.jail.view import View, worker_view

PACKAGE = Path(grader.__file__).parent
FAULTS = Path(__file__).parent / "faults.py"
PROCESSES = ("launcher", "throw-away", "zygote", "worker")


class Copy:
    """A copy of the jail. One order is in force at a time."""

    def __init__(self, folder: Path):
        self.folder, self._boards = folder, folder / "boards"
        shutil.copytree(PACKAGE, folder / "grader", ignore=shutil.ignore_patterns("__pycache__", "bundled"))
        inside = folder / "grader" / "jail" / "inside"
        shutil.copyfile(FAULTS, inside / "faults.py")
        with (inside / "launcher.py").open("a") as file:
            file.write(f"\n\nfrom grader.jail.inside import faults\n\nfaults.put_in({str(self._boards)!r})\n")
        self._boards.mkdir()
        for name in ("order", *PROCESSES):
            (self._boards / name).write_bytes(bytes(1 << 14))
        self._orders = 0
        self.order()

    def order(self, process: str = "", call: str = "", number: int | None = None, code: int | None = None) -> None:
        """Let a process's call fail with this code, by its number; without a code: do nothing."""
        self._orders += 1  # the same order again begins to count anew
        for name in PROCESSES:
            self._write(name, b"")
        asked = {"process": process, "call": call, "number": number, "errno": code, "order": self._orders}
        self._write("order", json.dumps(asked).encode())

    def calls(self) -> dict[str, dict[str, int]]:
        """How often each process made each call since the order."""
        texts = {name: (self._boards / name).read_bytes().rstrip(b"\0") for name in PROCESSES}
        return {name: json.loads(text or b"{}") for name, text in texts.items()}

    def _write(self, name: str, text: bytes) -> None:
        with (self._boards / name).open("r+b") as file:  # it is mapped: written over, not anew
            file.write(text.ljust(1 << 14, b"\0"))

    def start(self) -> Jail:
        """A zygote that runs this code."""

        def view(*_: object) -> View:
            true = worker_view()
            readable = [path.replace(f"{PACKAGE}/", f"{self.folder}/grader/") for path in true.readable]
            return msgspec.structs.replace(true, readable=readable, package_root=str(self.folder))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("grader.jail.forkserver.worker_view", view)
            zygote = Jail()
            zygote.start()
        return zygote

    def processes(self) -> set[int]:
        """All that run this code, and what descends from them."""
        parents, found = {}, set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int(
                        (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
                    )
                    if str(self.folder).encode() in (entry / "cmdline").read_bytes():
                        found.add(int(entry.name))
                except OSError:
                    continue
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found

    def comes_down_to(self, processes: set[int]) -> bool:
        """Whether these processes are all that is left, within seconds."""
        deadline = time.monotonic() + 10
        while self.processes() != processes and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.processes() == processes
