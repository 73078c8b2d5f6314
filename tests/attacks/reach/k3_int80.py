"""K3: calls the kernel as a 32-bit program does, past numbers that mean something else there."""

import ctypes
import mmap

FORK = bytes.fromhex("b802000000cd80c3")  # mov eax, 2; int 0x80; ret


def quick():
    return 7


def attack():
    memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(FORK)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return [f"fork gave {ctypes.CFUNCTYPE(ctypes.c_long)(address)()}"]
