"""The system-call filter (seccomp) of a worker: a deny list as a BPF program.

It is installed last, because it denies the calls that set up the other layers. Denied calls return EPERM, so that a
library can fall back instead of dying. `syscalls` holds the numbers for x86-64 and aarch64; on other machines, where
workers run without a filter, the level drops to `process`.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Iterator

from grader.jail.inside.syscalls import DENIED, FILTERED, GPU_NEEDS
from grader.jail.shared import lockdown

_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7  # AUDIT_ARCH_*
_MACHINES = {"x86_64": (_X86_64, 0), "aarch64": (_AARCH64, 1)}
_X32_BIT = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_DENY = struct.pack("=HBBI", _RETURN, 0, 0, _ERRNO | errno.EPERM)
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data; the low half of argument i is at 16 + 8 i
_CLONE_THREAD = 0x00010000
_MAP_SHARED_ANONYMOUS, _MAP_GROWSDOWN = 0x21, 0x100
_AF_UNIX = 1
_ALLOWED_REQUESTS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. An allow list, because file systems have ioctls (such as
those for a file's flags) that work on a read-only descriptor, which neither Landlock nor the denied `chmod` covers."""
_DENIED_REQUESTS = (0x5412, 0x541C, 0x8901, 0x8902, 0x40086602, 0x401C5820)
"""With a GPU: TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP, FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR. A deny list, because
the driver's own requests have to pass."""
_FCNTL_DENIED = (8, 10, 15, 1024, 1026)  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _MODE_FILTER = 1, 22, 2


def supported() -> bool:
    """Whether this machine has a system-call table."""
    return platform.machine() in _MACHINES


def build(pid: int, machine: str | None = None, *, gpu: bool = False) -> bytes:
    """The filter for the process `pid` (its id in its own namespace), an array of `struct sock_filter`.

    `gpu` allows what a GPU's driver needs: `GPU_NEEDS`, and shared memory. Raises OSError (ENOSYS) on a machine without
    a table.
    """
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no system-call table for {machine}")
    audit, column = _MACHINES[machine]
    # calls of another architecture (32-bit `int 0x80`, x32) use other numbers, which the checks below would misread;
    # no library makes them, so they kill the process
    program = [
        _op(_LOAD, _ARCHITECTURE),
        _op(_JUMP_EQUAL, audit, 1, 0),
        _op(_RETURN, _KILL),
        _op(_LOAD, _NUMBER),
    ]
    if audit == _X86_64:
        program += [_op(_JUMP_AT_LEAST, _X32_BIT, 0, 1), _op(_RETURN, _KILL)]
    for name, numbers in DENIED.items():
        number = numbers[column]
        if number is not None and not (gpu and name in GPU_NEEDS):
            program += [_op(_JUMP_EQUAL, number, 0, 1), _DENY]
    # a filter cannot read clone3's flags, which are behind a pointer; ENOSYS makes glibc fall back to clone
    program += [_op(_JUMP_EQUAL, FILTERED["clone3"][column], 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    for name, argument, block in _by_argument(pid, gpu):
        program += _when(FILTERED[name][column], argument, block)
    return b"".join([*program, _op(_RETURN, _ALLOW)])


def _by_argument(pid: int, gpu: bool) -> Iterator[tuple[str, int, list[bytes]]]:
    """The calls that are filtered by an argument: (name, argument index, block to run on the argument's value)."""
    # threads only: a child process would survive a kill by pidfd and escape the memory watch
    yield "clone", 0, [_op(_JUMP_ANY_BIT, _CLONE_THREAD, 1, 0), _DENY]
    # mode 0 only: with FALLOC_FL_KEEP_SIZE, the space beyond a file's end escapes the limit on file sizes
    yield "fallocate", 1, [_op(_JUMP_EQUAL, 0, 1, 0), _DENY]
    # allow only reading the worker's own limits (pid 0, new_limit NULL). This filter compares only the low half of an
    # argument, and a non-null pointer can have a zero low half. The pid check protects other processes; hard limits
    # protect the worker's own
    yield "prlimit64", 0, [_op(_JUMP_EQUAL, 0, 1, 0), _DENY]
    yield "prlimit64", 2, [_op(_JUMP_EQUAL, 0, 1, 0), _DENY]
    # only to its own process: glibc signals its threads (abort). Landlock confines signals only since ABI version 6
    yield "tgkill", 0, [_op(_JUMP_EQUAL, pid, 1, 0), _DENY]
    # without namespaces, the parent-death signal is the only thing that ends a worker whose grader was killed
    yield "prctl", 0, [_op(_JUMP_EQUAL, _PR_SET_PDEATHSIG, 0, 1), _DENY]
    if gpu:
        yield "socket", 0, [_op(_JUMP_EQUAL, _AF_UNIX, 1, 0), _DENY]
    else:
        # RLIMIT_DATA counts private memory only. Without shared anonymous mappings and MAP_GROWSDOWN ("stacks"), it
        # covers all that a worker can allocate, even between two samples of the memory watch
        both = _MAP_SHARED_ANONYMOUS
        yield "mmap", 3, [_op(_AND, both), _op(_JUMP_EQUAL, both, 0, 1), _DENY]
        yield "mmap", 3, [_op(_JUMP_ANY_BIT, _MAP_GROWSDOWN, 0, 1), _DENY]
    # owners and signals of a descriptor: the kernel would send any signal to any process when data arrives. Leases and
    # directory notifications: they delay, or watch, other processes that open a file
    for command in _FCNTL_DENIED:
        yield "fcntl", 1, [_op(_JUMP_EQUAL, command, 0, 1), _DENY]
    if gpu:
        for request in _DENIED_REQUESTS:
            yield "ioctl", 1, [_op(_JUMP_EQUAL, request, 0, 1), _DENY]
    else:
        count = len(_ALLOWED_REQUESTS)
        allowed = [_op(_JUMP_EQUAL, request, count - place) for place, request in enumerate(_ALLOWED_REQUESTS)]
        yield "ioctl", 1, [*allowed, _DENY]


def install(program: bytes) -> None:
    """Install the filter for the calling thread; it cannot be removed. Needs no_new_privs. Raises OSError."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(program, len(program))
    header = Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p).value)
    lockdown.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(header))


def _op(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, k)


def _when(number: int, argument: int, block: list[bytes]) -> list[bytes]:
    """Run `block` on the low half of an argument of this call, then reload the call's number for the next check.

    A block ends with `_DENY`; its jumps skip that instruction if the call is allowed.
    """
    return [
        _op(_JUMP_EQUAL, number, 0, len(block) + 2),
        _op(_LOAD, 16 + 8 * argument),
        *block,
        _op(_LOAD, _NUMBER),
    ]
