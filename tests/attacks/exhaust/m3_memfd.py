"""M3: asks for files in memory, which are mapped nowhere and counted nowhere."""

import ctypes
import os


def quick():
    return 7


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    memfd, secret = {"x86_64": (319, 447), "aarch64": (279, 447)}[os.uname().machine]

    def checked(result):
        if result < 0:
            raise OSError(ctypes.get_errno(), "refused")

    done = []
    for name, way in {
        "memfd_create": lambda: os.memfd_create("memory"),
        "memfd_create by its number": lambda: checked(libc.syscall(memfd, b"memory", 0)),
        "memfd_create in huge pages": lambda: checked(libc.syscall(memfd, b"memory", 4)),
        "memfd_secret": lambda: checked(libc.syscall(secret, 0)),
        "a nameless file in /dev/shm": lambda: os.open("/dev/shm", os.O_TMPFILE | os.O_RDWR),
        "a nameless file in /tmp": lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
