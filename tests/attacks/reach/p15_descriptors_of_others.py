"""P15: takes hold of other processes by descriptors, compares itself with them, and joins their namespaces."""

import ctypes
import errno
import os

import world

libc = ctypes.CDLL(None, use_errno=True)
COMPARE = 312 if os.uname().machine == "x86_64" else 272


def quick():
    return 7


def refused(result):
    """Whether the call itself was refused: that its arguments were wrong does not count."""
    return result == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


def attack():
    done = []
    for name, way in {
        "open the zygote": lambda: libc.syscall(434, world.zygote, 0),
        "open the judge": lambda: libc.syscall(434, world.pid, 0),
        "open itself": lambda: libc.syscall(434, os.getpid(), 0),
        "take a descriptor": lambda: libc.syscall(438, 3, 3, 0),
        "compare": lambda: libc.syscall(COMPARE, os.getpid(), world.zygote, 0, 0, 0),
        "join by descriptor": lambda: libc.setns(3, 0),
        "join namespaces": lambda: libc.setns(3, 0x10000000),
    }.items():
        if not refused(way()):
            done.append(name)
    for who, pid in {"judge": world.pid, "zygote": world.zygote}.items():
        try:
            os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
            done.append(f"{who}'s namespace")
        except OSError:
            pass
    return done
