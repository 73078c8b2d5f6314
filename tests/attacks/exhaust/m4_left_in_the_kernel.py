"""M4: asks for System V memory, queues and semaphores and for POSIX queues, which outlive a process."""

import ctypes
import os


def quick():
    return 7


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    calls = {"shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180)}
    column = ["x86_64", "aarch64"].index(os.uname().machine)
    made, opened = 0o1666, os.O_CREAT | os.O_RDWR
    words = {
        "shmget": (0x5EED, 1 << 20, made),
        "msgget": (0x5EED, made),
        "semget": (0x5EED, 1, made),
        "mq_open": (b"left", opened, 0o666, None),
    }
    return [name for name, numbers in calls.items() if libc.syscall(numbers[column], *words[name]) >= 0]
