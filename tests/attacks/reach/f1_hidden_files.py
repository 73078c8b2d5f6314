"""F1: reads files of the host, by every way that opens one."""

import ctypes
import os

import numpy
import world

libc = ctypes.CDLL(None, use_errno=True)


def quick():
    return 7


def relative():
    here = os.getcwd()
    os.chdir(world.folder)
    try:
        return open("file").read()
    finally:
        os.chdir(here)


def reopened():
    path = os.open(world.file, os.O_PATH)
    return open(f"/proc/self/fd/{path}").read()


def openat2():
    how = (ctypes.c_uint64 * 3)(os.O_RDONLY, 0, 0)
    descriptor = libc.syscall(437, -100, world.file.encode(), how, 24)
    if descriptor == -1:
        raise OSError(ctypes.get_errno(), "openat2")
    os.close(descriptor)


def attack():
    done = []
    for name, way in {
        "open": lambda: open(world.file).read(),
        "list": lambda: os.listdir(world.folder),
        "relative": relative,
        "from above": lambda: open("../" * 30 + world.file).read(),
        "reopened": reopened,
        "openat2": openat2,
        "numpy": lambda: numpy.fromfile(world.file, dtype="u1"),
        "numpy, mapped": lambda: numpy.memmap(world.file, mode="r"),
        "without waiting": lambda: os.open(world.file, os.O_NONBLOCK | os.O_NOFOLLOW),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
