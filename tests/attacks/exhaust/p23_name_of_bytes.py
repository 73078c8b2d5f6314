"""P23: gives its process a name that is no text, where the host looks at it."""

import ctypes
import time


def quick():
    return 7


def attack():
    ctypes.CDLL(None).prctl(15, b"\xff\xfe:\t\r", 0, 0, 0)  # PR_SET_NAME
    time.sleep(0.3)
    return []
