"""M2: gets shared memory, which no resource limit counts, through a device or a file of its own."""

import mmap
import os


def quick():
    return 7


def attack():
    done = []
    for path in ("/dev/zero", "/dev/shm/zero", "/proc/self/mem"):
        try:
            mmap.mmap(os.open(path, os.O_RDWR), 1 << 20)
            done.append(path)
        except OSError:
            pass
    return done
