"""N3: connects to a listener by its path, and listens by one."""

import os
import socket

import world


def quick():
    return 7


def relative():
    os.chdir(world.folder)
    socket.socket(socket.AF_UNIX).connect("socket")


def attack():
    done = []
    for name, way in {
        "connect": lambda: socket.socket(socket.AF_UNIX).connect(world.socket),
        "connect from there": relative,
        "listen": lambda: socket.socket(socket.AF_UNIX).bind(os.environ["TMPDIR"] + "/own"),
        "log": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect("/dev/log"),
        "bus": lambda: socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket"),
        "containers": lambda: socket.socket(socket.AF_UNIX).connect("/run/docker.sock"),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
