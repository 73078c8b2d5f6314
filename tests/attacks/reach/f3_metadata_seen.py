"""F3: learns that files of the host exist, and how large they are."""

import os

import world


def quick():
    return 7


def allowed(mode):
    if not os.access(world.file, mode):
        raise PermissionError


def entered():
    here = os.getcwd()
    os.chdir(world.folder)
    os.chdir(here)


def attack():
    done = []
    for name, way in {
        "size": lambda: os.stat(world.file),
        "access": lambda: allowed(os.R_OK | os.W_OK),
        "path": lambda: os.close(os.open(world.file, os.O_PATH)),
        "folder": entered,
        "file system": lambda: os.statvfs(world.folder),
        "attributes": lambda: os.listxattr(world.file),
        "process": lambda: os.stat(f"/proc/{world.pid}"),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
