"""F18: takes space on the disk behind a file's end, where no limit on files counts it."""

import ctypes
import os
import tempfile

libc = ctypes.CDLL(None, use_errno=True)


def quick():
    return 7


def attack():
    done = []
    for mode in (0, 1):  # 1: FALLOC_FL_KEEP_SIZE
        with tempfile.TemporaryFile() as file:
            if libc.fallocate(file.fileno(), mode, ctypes.c_long(0), ctypes.c_long(256 << 20)) == 0:
                done.append(f"mode {mode}: {os.fstat(file.fileno()).st_blocks >> 11} MiB")
    return done
