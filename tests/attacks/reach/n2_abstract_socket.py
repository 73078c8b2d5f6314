"""N2: connects to a listener that has a name and no file, and takes such a name itself."""

import socket

import world


def quick():
    return 7


def attack():
    done = []
    for name, way in {
        "connect": lambda: socket.socket(socket.AF_UNIX).connect(f"\0{world.folder}"),
        "send": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", f"\0{world.folder}-datagrams"),
        "take a name": lambda: socket.socket(socket.AF_UNIX).bind(f"\0{world.folder}-taken"),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
