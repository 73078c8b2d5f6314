"""F5: writes, makes, moves, swaps, cuts and removes files of the host that everybody may write."""

import ctypes
import os
import tempfile

import world

libc = ctypes.CDLL(None, use_errno=True)
new, file = f"{world.folder}/new", world.file


def quick():
    return 7


def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")


def moved_in():
    descriptor, path = tempfile.mkstemp()
    os.close(descriptor)
    os.rename(path, f"{world.folder}/in")


def swapped():
    open(f"{tempfile.gettempdir()}/other", "w").close()
    checked(libc.renameat2(-100, file.encode(), -100, f"{tempfile.gettempdir()}/other".encode(), 2))


def attack():
    done = []
    for name, way in {
        "write": lambda: open(file, "w").write("x"),
        "append": lambda: open(file, "a").write("x"),
        "update": lambda: open(file, "r+").write("x"),
        "truncate": lambda: os.truncate(file, 0),
        "open and cut": lambda: os.open(file, os.O_RDONLY | os.O_TRUNC),
        "nameless": lambda: os.open(world.folder, os.O_TMPFILE | os.O_RDWR),
        "make": lambda: open(new, "x").close(),
        "make a folder": lambda: os.mkdir(f"{new}-folder"),
        "make a pipe": lambda: os.mkfifo(f"{new}-pipe"),
        "move in": moved_in,
        "move out": lambda: os.rename(file, f"{tempfile.gettempdir()}/stolen"),
        "swap": swapped,
        "move": lambda: os.rename(file, new),
        "remove": lambda: os.unlink(new if os.path.exists(new) else file),
        "remove the socket": lambda: os.unlink(world.socket),
        "remove a folder": lambda: os.rmdir(f"{new}-folder"),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
