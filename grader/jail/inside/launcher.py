"""The first program of the jail: starts with a clean environment and a single thread, leaves the host's namespaces
where the machine allows it, and becomes (or starts) the zygote.

Started by the host, with the control socket as an inherited descriptor.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import sys
from typing import Any

from grader.jail.shared import lockdown

_NAMESPACES = (
    lockdown.CLONE_NEWNS | lockdown.CLONE_NEWPID | lockdown.CLONE_NEWNET | lockdown.CLONE_NEWIPC | lockdown.CLONE_NEWUTS
)


def main(descriptor: int) -> None:
    """Read the plan from the control socket, then run the zygote until the socket closes."""
    lockdown.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's to handle
    control = socket.socket(fileno=descriptor)
    plan = _receive_plan(control)
    _allow_many_descriptors()
    # where the machine runs out of memory, rather a worker than the grader
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("900")
    # a GPU's driver asks for /proc, /sys and /dev as the machine has them
    namespaces = plan["device"] is None and _namespaces_work(plan["root"])
    if namespaces:
        _leave_namespaces()
        child = os.fork()  # the first process of the new pid namespace
        if child:
            control.close()
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
        lockdown.die_with_parent()
    sys.path.extend(plan["view"]["sys_path"])
    from grader.jail.inside import zygote

    zygote.main(control, plan, namespaces)


def _receive_plan(control: socket.socket) -> dict[str, Any]:
    """The plan, which comes in pieces and ends with a line end."""
    data = b""
    while not data.endswith(b"\n"):
        piece = control.recv(1 << 16)
        if not piece:
            os._exit(0)  # the host is gone
        data += piece
    return json.loads(data)


def _allow_many_descriptors() -> None:
    """Each path of the view is held open for Landlock: thousands, where libraries are listed one by one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _leave_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    lockdown.unshare(_NAMESPACES | (0 if uid == 0 else lockdown.CLONE_NEWUSER))
    if uid != 0:
        lockdown.write_user_map(uid, gid)


def _namespaces_work(mount_point: str) -> bool:
    """Try it in a throw-away process: settings and policies that forbid it are too many to read."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _leave_namespaces()
            lockdown.mount("none", "/", None, lockdown.MS_REC | lockdown.MS_PRIVATE)
            lockdown.mount("tmpfs", mount_point, "tmpfs", lockdown.MS_NOSUID | lockdown.MS_NODEV, "size=64k")
            code = 0
        except OSError:
            pass
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
