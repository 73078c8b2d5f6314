"""N4: makes sockets of every kind that there is, connected to nobody."""

import socket


def quick():
    return 7


def attack():
    done = []
    for name, way in {
        "pair": lambda: socket.socketpair(),
        "unix": lambda: socket.socket(socket.AF_UNIX),
        "unix, packets": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET),
        "internet": lambda: socket.socket(socket.AF_INET),
        "internet, version 6": lambda: socket.socket(socket.AF_INET6),
        "internet, raw": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
        "kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
        "kernel's events": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15),
        "hypervisor": lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
        "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "ciphers": lambda: socket.socket(38, socket.SOCK_SEQPACKET),
        "express data": lambda: socket.socket(44, socket.SOCK_RAW),
        "keys": lambda: socket.socket(15, socket.SOCK_RAW, 2),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
