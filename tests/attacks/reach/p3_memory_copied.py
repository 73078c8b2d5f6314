"""P3: copies memory from and into the zygote and the judge, without attaching to them."""

import ctypes
import errno
import os

import world

libc = ctypes.CDLL(None, use_errno=True)


class Piece(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def quick():
    return 7


def refused(result):
    """Whether the call itself was refused: that an address was wrong does not count."""
    return result == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


def attack():
    done = []
    buffer = ctypes.create_string_buffer(8)
    # a fork lies where its parent does
    piece = ctypes.byref(Piece(ctypes.addressof(buffer), 8))
    for who, pid in {"judge": world.pid, "zygote": world.zygote, "parent": os.getppid(), "itself": os.getpid()}.items():
        for name in ("process_vm_readv", "process_vm_writev"):
            if not refused(getattr(libc, name)(pid, piece, 1, piece, 1, 0)):
                done.append(f"{who}: {name}")
    if not refused(libc.syscall(440, 0, piece, 1, 21, 0)):
        done.append("process_madvise")
    return done
