"""The first process of the jail: it leaves the host's namespaces, where the machine allows that, and becomes (or
starts) the zygote, the fork server.

The host starts it with a clean environment and the control socket as an inherited descriptor. It has a single thread.
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

_RAISED_LIMITS = (
    *(resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_DATA),
    *(resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC),
)
_OTHER_DESCRIPTORS = 64  # what the zygote has open in addition to the paths, with room for imports


def main(descriptor: int) -> None:
    """Read the plan from the control socket, then run the zygote until the socket closes."""
    lockdown.die_with_parent()
    _reset_inherited()
    control = socket.socket(fileno=descriptor)
    plan = _receive_plan(control)
    _require_descriptors(plan["view"])
    # no namespaces with a GPU: its driver needs the machine's own /proc, /sys and /dev
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
    """The plan, which arrives in pieces and ends with a newline."""
    data = b""
    while not data.endswith(b"\n"):
        piece = control.recv(1 << 16)
        if not piece:
            os._exit(0)  # the host is gone
        data += piece
    return json.loads(data)


def _reset_inherited() -> None:
    """Reset the inherited process attributes that a worker would notice, so that grades do not depend on how the grader
    was started. This may exec the launcher a second time.

    The host sets what only a parent can set: the environment, the current folder, the session and the descriptors. Left
    alone are niceness, batch and idle scheduling, CPU affinity and I/O priority, which the user chose and which slow
    the host down too; hard limits (`lockdown.require_limit`); and capabilities, which each worker drops.
    """
    os.umask(0o022)  # the workers' user has to pass the mount points in the zygote's root
    lockdown.reset_personality()  # under `linux32`, the machine has another name, without a system-call table
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)  # if SIGCHLD is ignored, the kernel reaps children before we can
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the host handles Ctrl-C
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python's own default: students' code gets catchable exceptions
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK in (os.SCHED_FIFO, os.SCHED_RR):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # else an endless loop would starve the host
    # if the machine runs out of memory, the kernel should kill a worker, not the grader
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("900")
    for kind in _RAISED_LIMITS:  # soft limits would only get in the way: each worker gets its own limits
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (hard, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    resource.setrlimit(resource.RLIMIT_STACK, (lockdown.STACK_BYTES, lockdown.STACK_BYTES))
    if stack != lockdown.STACK_BYTES:  # glibc reads the stack size of threads only when a program starts
        os.execv(sys.executable, sys.orig_argv)


def _require_descriptors(view: dict[str, Any]) -> None:
    """Require a descriptor for each path of the view, which Landlock needs: thousands, where libraries are listed."""
    paths = sum(len(view[kind]) for kind in ("readable", "listable", "controllable"))
    try:
        lockdown.require_limit("RLIMIT_NOFILE", paths + _OTHER_DESCRIPTORS)
    except lockdown.LimitTooLow as problem:
        raise SystemExit(str(problem)) from None  # the host reports the last line of the log


def _leave_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    lockdown.unshare(_NAMESPACES | (0 if uid == 0 else lockdown.CLONE_NEWUSER))
    if uid != 0:
        lockdown.write_user_map(uid, gid)


def _namespaces_work(mount_point: str) -> bool:
    """Try it in a throw-away process: too many settings and policies could forbid it to check them one by one."""
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
