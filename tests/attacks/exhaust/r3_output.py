"""R3: prints gigabytes, by every way there is."""

import ctypes
import os
import sys
import threading

CASE = "print"
PIECE = "x" * (1 << 20)


def quick():
    return 7


def written(descriptor):
    for _ in range(1 << 10):
        os.write(descriptor, PIECE.encode())


def in_a_thread():
    thread = threading.Thread(target=written, args=(2,))
    thread.start()
    thread.join()


def of_c():
    libc = ctypes.CDLL(None)
    for _ in range(100):
        libc.puts(PIECE.encode())
    libc.fflush(None)


WAYS = {
    "print": lambda: [print(PIECE, flush=True) for _ in range(100)],
    "stderr": lambda: [sys.stderr.write(PIECE) for _ in range(100)],
    "a gigabyte": lambda: written(1),
    "in a thread": in_a_thread,
    "of C": of_c,
    "many small": lambda: [os.write(1, b"x\n") for _ in range(600_000)],
}


def attack():
    WAYS[CASE]()
    return []
