"""P12: ends in the middle of a question as if all had gone well."""

import ctypes
import os
import signal
import sys
import threading
import time

CASE = "os._exit"


def quick():
    return 7


def throw(error):
    raise error


def end_main_thread():
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)


def end_main_thread_alone():
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    end_main_thread()


WAYS = {
    "os._exit": lambda: os._exit(0),
    "sys.exit": lambda: sys.exit(0),
    "SystemExit": lambda: throw(SystemExit),
    "KeyboardInterrupt": lambda: throw(KeyboardInterrupt),
    "GeneratorExit": lambda: throw(GeneratorExit),
    "StopIteration": lambda: throw(StopIteration([])),
    "SIGKILL": lambda: signal.raise_signal(signal.SIGKILL),
    "the only thread": end_main_thread,
    "the main thread": end_main_thread_alone,
}


def attack():
    WAYS[CASE]()
    return []
