"""K3: calls the kernel by the numbers of the x32 architecture."""

import ctypes

libc = ctypes.CDLL(None, use_errno=True)
FORK = 0x40000000 + 57


def quick():
    return 7


def attack():
    return [f"fork gave {libc.syscall(FORK)}"]
