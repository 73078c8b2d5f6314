"""F1: reads files of the host, and of other submissions."""

import os

import world


def quick():
    return 7


def attack():
    done = []
    for name, way in {
        "open": lambda: open(world.file).read(),
        "list": lambda: os.listdir(world.folder),
        "neighbour": lambda: open(world.neighbour).read(),
        "spool": lambda: os.listdir(os.path.dirname(os.path.dirname(world.neighbour))),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
