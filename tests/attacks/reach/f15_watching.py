"""F15: watches what others do with files, and holds files up with leases and locks."""

import ctypes
import fcntl
import importlib.util
import os

import world

libc = ctypes.CDLL(None, use_errno=True)


def quick():
    return 7


def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")


def on(path, way):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        way(descriptor)
    finally:
        os.close(descriptor)


def attack():
    done = []
    package = importlib.util.find_spec("torch").origin
    packages = os.path.dirname(package)
    for name, way in {
        "inotify": lambda: checked(libc.inotify_init1(0)),
        "fanotify": lambda: checked(libc.fanotify_init(0x200, 0)),
        "notes on the host's folder": lambda: on(world.folder, lambda at: fcntl.fcntl(at, fcntl.F_NOTIFY, 1)),
        "notes on a package": lambda: on(packages, lambda at: fcntl.fcntl(at, fcntl.F_NOTIFY, 1)),
        "lease on the host's file": lambda: on(world.file, lambda at: fcntl.fcntl(at, fcntl.F_SETLEASE, fcntl.F_RDLCK)),
        "lease on its own file": lambda: on(__file__, lambda at: fcntl.fcntl(at, fcntl.F_SETLEASE, fcntl.F_RDLCK)),
        "lock on the host's file": lambda: on(world.file, lambda at: fcntl.flock(at, fcntl.LOCK_EX | fcntl.LOCK_NB)),
        "lock on a package": lambda: on(package, lambda at: fcntl.flock(at, fcntl.LOCK_EX | fcntl.LOCK_NB)),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
