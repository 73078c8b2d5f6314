"""System calls that Python has no function for, and the layers built on them. Every failure raises: if a layer cannot
be applied, the attempt must end; it is never skipped.

It imports only the standard library, because the launcher needs it first, while the process has a single thread.
"""

import contextlib
import ctypes
import errno
import functools
import os
import resource
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
STACK_BYTES = 8 << 20
"""The stack of a program and of each of its threads: Linux's default. No other limit counts a stack that grows."""
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_CAPBSET_DROP = 1, 4, 8, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
_SIGKILL = 9
_ASK_PERSONALITY = 0xFFFFFFFF
_CPU_SPARE = 4  # a worker's limit is this many times the CPU time that all cores have until its deadline
_CAPABILITY_VERSION_3 = 0x20080522
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
# mount flags that a user namespace may not clear in a remount (statvfs flag -> mount flag)
_LOCKED_FLAGS = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: Any) -> int:
    """A raw system call. Raises OSError."""
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments)]
    return _checked(_libc().syscall, *words)


def prctl(option: int, *arguments: int) -> int:
    """prctl(2). Raises OSError."""
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_libc().prctl, ctypes.c_int(option), *padded)


def _checked(function: Callable[..., int], *arguments: Any) -> int:
    ctypes.set_errno(0)
    result = function(*arguments)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


# Namespaces and mounts.


def unshare(flags: int) -> None:
    """Leave namespaces for new ones. CLONE_NEWUSER needs a single-threaded process."""
    _checked(_libc().unshare, ctypes.c_int(flags))


def setns(descriptor: int, kind: int) -> None:
    _checked(_libc().setns, ctypes.c_int(descriptor), ctypes.c_int(kind))


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    _checked(
        _libc().mount,
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        options.encode(),
    )


def unmount(target: str) -> None:
    _checked(_libc().umount2, target.encode(), ctypes.c_int(MNT_DETACH))


def bind_read_only(source: str, target: str) -> None:
    """Show `source` at `target`, read-only, keeping the flags that a user namespace may not clear."""
    try:
        mount(source, target, None, MS_BIND)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # EINVAL: something is mounted below it (containers mask parts of /sys), which a user namespace may not reveal
        mount(source, target, None, MS_BIND | MS_REC)
    kept = sum(flag for bit, flag in _LOCKED_FLAGS.items() if os.statvfs(target).f_flag & bit)
    mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | kept)


def change_root(directory: str) -> None:
    """Make a mount point the root and drop the old one. Raises OSError."""
    os.chdir(directory)
    syscall(_PIVOT_ROOT[os.uname().machine], b".", b".")
    unmount(".")
    os.chdir("/")


def write_user_map(uid: int, gid: int) -> None:
    """Keep the user's own ids inside a new user namespace."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


# What a process gives up.


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends. A change of user id clears this: call it again then."""
    prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def reset_personality() -> None:
    """Undo `setarch`, so that this is an ordinary program of the machine; where the call is forbidden, do nothing."""
    with contextlib.suppress(OSError):
        if _checked(_libc().personality, ctypes.c_ulong(_ASK_PERSONALITY)):
            _checked(_libc().personality, ctypes.c_ulong(0))


def become(uid: int, gid: int, keep: Iterable[int] = ()) -> None:
    """Change from root to an unprivileged user, irreversibly, keeping only the capabilities in `keep`."""
    kept = sum(1 << capability for capability in keep)
    _empty_bounding_set()
    if kept:
        prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    _set_capabilities(kept)


def drop_capabilities() -> None:
    """Give up every capability that this process has or could regain."""
    _empty_bounding_set()
    _set_capabilities(0)


def _empty_bounding_set() -> None:
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(64):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            # EINVAL: beyond the kernel's last capability. EPERM: an ordinary user, who has none to drop and, with
            # no_new_privs, cannot gain one
            if error.errno not in (errno.EINVAL, errno.EPERM):
                raise
            break


def permitted_capabilities() -> int:
    """The capabilities this process may use, as a mask."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _checked(_libc().capget, header, data)
    return data[1] | data[4] << 32


def _set_capabilities(mask: int) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)  # effective, permitted, inheritable; twice
    _checked(_libc().capset, header, data)


def forbid_new_privileges() -> None:
    """Keep core dumps and debuggers from reading this process, and the programs it starts from gaining privileges."""
    prctl(_PR_SET_DUMPABLE, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


class LimitTooLow(OSError):
    """The grader was started with a hard limit that is too low for correct submissions to work."""


def require_limit(name: str, needed: int) -> None:
    """Raise `LimitTooLow` if a hard limit, named as in `resource`, is lower than needed.

    The grader never raises a hard limit, even as root: somebody set it on purpose. Ignoring one that is too low would
    silently cost correct submissions points.
    """
    hard = resource.getrlimit(getattr(resource, name))[1]
    if hard != resource.RLIM_INFINITY and hard < needed:
        option = name.removeprefix("RLIMIT_").lower()
        raise LimitTooLow(
            f"the grader was started with the hard limit {name} at {hard} and needs {needed}; raise it there "
            f"(`ulimit -H`, `prlimit --{option}`, limits.conf) and start the grader again"
        )


class Resources(NamedTuple):
    """A worker's hard limits; None for no limit."""

    data_bytes: int | None
    """Private writable memory, including what the process has already."""
    file_bytes: int
    cpu_seconds: int
    processes: int | None
    descriptors: int


def limit_resources(allowed: Resources) -> None:
    """Set these hard limits, and those that are the same for all. Raises `LimitTooLow` if inherited ones are lower."""
    for name, needed in (
        ("RLIMIT_DATA", allowed.data_bytes),
        ("RLIMIT_FSIZE", allowed.file_bytes),
        ("RLIMIT_NOFILE", allowed.descriptors),
        ("RLIMIT_NPROC", allowed.processes),
        ("RLIMIT_CPU", allowed.cpu_seconds // _CPU_SPARE),
    ):
        if needed is not None:
            require_limit(name, needed)
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: allowed.file_bytes,
        resource.RLIMIT_NOFILE: allowed.descriptors,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_CPU: allowed.cpu_seconds,  # soft = hard: pid 1 of a namespace ignores SIGXCPU, not SIGKILL
    }
    if hasattr(resource, "RLIMIT_MSGQUEUE"):
        limits[resource.RLIMIT_MSGQUEUE] = 0
    if allowed.data_bytes is not None:
        limits[resource.RLIMIT_DATA] = allowed.data_bytes
    if allowed.processes is not None:
        limits[resource.RLIMIT_NPROC] = allowed.processes
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def close_descriptors(keep: Iterable[int]) -> None:
    """Close every descriptor but `keep`."""
    kept = sorted(set(keep))
    for low, high in zip([-1, *kept], [*kept, 1 << 20], strict=True):
        if low + 1 < high:
            os.closerange(low + 1, high)
