"""M5: reads an empty map of a terabyte: it holds no memory, but the tables that describe it do."""

import mmap


def quick():
    return 7


def attack():
    empty = mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
    for page in range(0, 1 << 40, 2 << 20):
        empty[page]
    return ["a terabyte"]
