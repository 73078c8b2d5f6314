"""K5: puts a filter of its own over the jail's, one that allows everything, and tries again."""

import ctypes
import os
import socket
import struct

import world

libc = ctypes.CDLL(None, use_errno=True)
SET_FILTER, FILTER, ALLOW, NO_NEW_PRIVILEGES = 22, 2, 0x7FFF0000, 38


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def quick():
    return 7


def attack():
    done = []
    program = Program(1, struct.pack("=HBBI", 6, 0, 0, ALLOW))
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.prctl(SET_FILTER, FILTER, ctypes.byref(program), 0, 0) == 0:
        done.append("filter")
    for name, way in {
        "socket": lambda: socket.socket(),
        "process": os.fork,
        "signal": lambda: os.kill(os.getppid(), 0),
        "file": lambda: open(world.file).read(),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
