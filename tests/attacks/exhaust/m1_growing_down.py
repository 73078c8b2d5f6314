"""M1: takes private memory that is called a stack, which no resource limit counts."""

import mmap


def quick():
    return 7


def attack():
    try:
        mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100)  # MAP_GROWSDOWN
    except OSError:
        return []
    return ["a stack"]
