"""P13: dies of a signal."""

import ctypes
import mmap
import os
import sys

CASE = "segfault"


def quick():
    return 7


def illegal_instruction():
    code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
    code.write(b"\x0f\x0b" if os.uname().machine == "x86_64" else bytes(4))
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()


def stack_overflow():
    sys.setrecursionlimit(10**9)
    libc = ctypes.CDLL(None)
    two = (ctypes.c_long * 2)()
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda *_: sort() or 0)

    def sort():
        libc.qsort(two, 2, 8, compare)

    sort()


WAYS = {
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "illegal instruction": illegal_instruction,
    "stack overflow": stack_overflow,
}


def attack():
    WAYS[CASE]()
    return []
