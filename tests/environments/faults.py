"""Runs inside a copy of the jail: the calls that lock a worker up can be made to fail, or to do nothing.

`test_faults.py` puts this file beside the jail's own modules, and imports it at the end of the launcher: while there is
one process, and before any layer. The order, and what each process has called, lie in files that are mapped then, so
that they are in reach behind every layer.
"""

import functools
import json
import mmap
import os
import resource
import sys
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

from grader.jail.inside import landlock, seccomp
from grader.jail.shared import lockdown

_JAIL = {f"grader.jail.inside.{name}" for name in ("launcher", "zygote", "worker", "landlock", "seccomp")}
_JAIL |= {"grader.jail.shared.lockdown"}
_OS = (
    *("setsid", "setgroups", "setresgid", "setresuid", "fork", "waitpid", "pidfd_open"),
    *("chdir", "chmod", "open", "close", "dup2", "closerange", "statvfs"),
)
_LEFT_OUT = ("_op", "_when", "_by_argument", "_checked")
"""What calls nothing, and what is below everything else and fails with it."""
_PROCESSES = {
    ("grader.jail.inside.worker", "main"): "worker",
    ("grader.jail.inside.zygote", "main"): "zygote",
    ("grader.jail.inside.launcher", "_namespaces_work"): "throw-away",
}
"""By the innermost function that only this process is in; else it is the launcher, or what it was forked into."""


class _Orders:
    """What is asked of this process, and what it has called since."""

    def __init__(self, folder: Path):
        self._boards: dict[str, mmap.mmap] = {}
        for name in ("order", "launcher", *_PROCESSES.values()):
            with (folder / name).open("r+b") as file:
                self._boards[name] = mmap.mmap(file.fileno(), 0)
        self._raw = b""
        self._order: dict[str, Any] = {}
        self._counts: dict[str, dict[str, int]] = {}
        self._launcher = os.getpid()

    def meet(self, call: str, frame: FrameType) -> bool:
        """Note a call; raise where it was ordered to fail. Whether it is to do nothing."""
        raw = self._boards["order"][:]
        if raw != self._raw:
            self._raw, self._order, self._counts = raw, json.loads(raw.rstrip(b"\0")), {}
        process = self._process(frame)
        call = f"{call} from {frame.f_code.co_name}"
        counts = self._counts.setdefault(process, {})
        counts[call] = counts.get(call, 0) + 1
        board = self._boards[process]
        board[:] = json.dumps(counts).encode().ljust(len(board), b"\0")
        asked = self._order
        if (process, call) != (asked.get("process"), asked.get("call")):
            return False
        if asked["number"] not in (None, counts[call]):
            return False
        if asked["errno"] is not None:
            raise OSError(asked["errno"], "a fault put in by a test")
        return True

    def _process(self, frame: FrameType | None) -> str:
        is_launcher = os.getpid() == self._launcher  # without namespaces, it is the zygote later
        while frame is not None:
            found = _PROCESSES.get((frame.f_globals.get("__name__", ""), frame.f_code.co_name))
            if found is not None and not (is_launcher and found == "throw-away"):
                return found
            frame = frame.f_back
        return "launcher" if is_launcher else "zygote"


def put_in(folder: str) -> None:
    """Wrap every function of the layers, and what the jail calls of `os`."""
    orders = _Orders(Path(folder))
    for module in (lockdown, landlock, seccomp):
        for name, function in list(vars(module).items()):
            if isinstance(function, FunctionType) and function.__module__ == module.__name__ and name not in _LEFT_OUT:
                _wrap(orders, module, name)
    lockdown.open = open  # type: ignore[attr-defined]
    _wrap(orders, lockdown, "open")
    for name in _OS:
        _wrap(orders, os, name)
    _wrap(orders, resource, "setrlimit")


def _wrap(orders: _Orders, module: ModuleType, name: str) -> None:
    function = getattr(module, name)
    call = f"{module.__name__.rpartition('.')[2]}.{name}"

    @functools.wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        frame = sys._getframe(1)
        # everything else may use `os` as before
        if frame.f_globals.get("__name__") in _JAIL and orders.meet(call, frame):
            return 0
        return function(*arguments, **named)

    setattr(module, name, wrapper)
