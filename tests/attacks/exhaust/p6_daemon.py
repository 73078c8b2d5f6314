"""P6: starts a process that outlives it, by every way there is."""

import ctypes
import multiprocessing
import os
import subprocess
import sys


def quick():
    return 7


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    sigchld, vfork_and_vm = 17, 0x4111
    numbers = {"x86_64": (57, 58, 56, 435), "aarch64": (-1, -1, 220, 435)}[os.uname().machine]
    fork, vfork, clone, clone3 = numbers

    def raw(number, *words):
        pid = libc.syscall(number, *words)
        if pid == 0:
            os._exit(0)
        if pid < 0:
            raise OSError(ctypes.get_errno(), "refused")

    done = []
    for name, way in {
        "os.fork": lambda: os.fork() or os._exit(0),
        "os.forkpty": lambda: os.forkpty()[0] or os._exit(0),
        "fork": lambda: raw(fork),
        "vfork": lambda: raw(vfork),
        "clone": lambda: raw(clone, sigchld, 0, 0, 0, 0),
        "clone with the memory": lambda: raw(clone, vfork_and_vm, 0, 0, 0, 0),
        "clone3": lambda: raw(clone3, ctypes.create_string_buffer(88), 88),
        "posix_spawn": lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}),
        "subprocess": lambda: subprocess.run([sys.executable, "-c", ""]),
        "system": lambda: os.system("true") == 0 or 1 / 0,
        "multiprocessing": lambda: multiprocessing.Process(target=print).start(),
        "exec": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
        "setsid": os.setsid,
        "setpgid": lambda: os.setpgid(0, 0),
    }.items():
        try:
            way()
            done.append(name)
        except (OSError, ZeroDivisionError):
            pass
    return done
