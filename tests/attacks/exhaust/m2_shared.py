"""M2: asks for shared memory, which no resource limit counts."""

import ctypes
import mmap
from multiprocessing import shared_memory


def quick():
    return 7


def file_of(folder):
    with open(f"{folder}/memory", "w+b") as file:
        file.truncate(1 << 30)
        mmap.mmap(file.fileno(), 1 << 30)


def attack():
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p

    def by_hand(flags):
        if libc.mmap(None, ctypes.c_size_t(1 << 30), 3, flags, -1, ctypes.c_long(0)) == 2**64 - 1:
            raise OSError

    done = []
    for name, way in {
        "mmap": lambda: mmap.mmap(-1, 1 << 30),
        "shared and validated": lambda: by_hand(0x23),
        "shared, in huge pages": lambda: by_hand(0x40021),
        "a file in memory": lambda: file_of("/dev/shm"),
        "multiprocessing": lambda: shared_memory.SharedMemory(create=True, size=1 << 30),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
