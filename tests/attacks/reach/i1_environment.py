"""I1: looks for secrets among its variables. It says the names that it finds."""

import ctypes
import os


def quick():
    return 7


def attack():
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    found = {*os.environ}
    position = 0
    while environ and environ[position]:
        found.add(environ[position].decode().partition("=")[0])
        position += 1
    try:
        found.update(line.partition("=")[0] for line in open("/proc/self/environ").read().split("\0"))
    except OSError:
        pass
    return sorted(found - {""})
