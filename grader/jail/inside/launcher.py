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

_RAISED = (
    *(resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_DATA),
    *(resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC),
)
_OTHER_DESCRIPTORS = 64  # what the zygote has open beside the paths, with room to import


def main(descriptor: int) -> None:
    """Read the plan from the control socket, then run the zygote until the socket closes."""
    lockdown.die_with_parent()
    _reset_inherited()
    control = socket.socket(fileno=descriptor)
    plan = _receive_plan(control)
    _require_descriptors(plan["view"])
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


def _reset_inherited() -> None:
    """Set whatever a process inherits and a worker would feel: one submission earns the same, however the grader was
    started. It may start the launcher anew.

    The host sets what only a parent can: the environment, the current folder, the session and the descriptors. As they
    were stay: niceness, batch and idle scheduling, processors and I/O priority, which are the user's wish and slow the
    host down too; hard limits (`lockdown.require_limit`); and capabilities, which each worker gives up.
    """
    os.umask(0o022)  # the user of the workers has to pass the mount points in the zygote's root
    lockdown.reset_personality()  # with that of `linux32` the machine has another name, and no table of system calls
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)  # with SIGCHLD ignored, the kernel reaps children and we cannot
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's to handle
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # as Python starts: exceptions, which can be caught
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK in (os.SCHED_FIFO, os.SCHED_RR):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # else an endless loop keeps the host from running
    # where the machine runs out of memory, rather a worker than the grader
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("900")
    for kind in _RAISED:  # soft limits are for programs that do not know what they need; each worker gets its own
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (hard, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    resource.setrlimit(resource.RLIMIT_STACK, (lockdown.STACK_BYTES, lockdown.STACK_BYTES))
    if stack != lockdown.STACK_BYTES:  # what threads get is read when a program starts
        os.execv(sys.executable, sys.orig_argv)


def _require_descriptors(view: dict[str, Any]) -> None:
    """Each path of the view is held open for Landlock: thousands, where libraries are listed one by one."""
    paths = sum(len(view[kind]) for kind in ("readable", "listable", "controllable"))
    try:
        lockdown.require_limit("RLIMIT_NOFILE", paths + _OTHER_DESCRIPTORS)
    except lockdown.LimitTooLow as problem:
        raise SystemExit(str(problem)) from None  # the last line of the log is what the host tells


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
