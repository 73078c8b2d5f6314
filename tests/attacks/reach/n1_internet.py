"""N1: connects to a listener of the machine, sends to it, and asks for names."""

import socket
import urllib.request

import world


def quick():
    return 7


def fast_open():
    with socket.socket() as opened:
        opened.sendto(b"x", 0x20000000, ("127.0.0.1", world.port))


def datagram(family, host):
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.sendto(b"x", (host, world.port))


def attack():
    done = []
    for name, way in {
        "connect": lambda: socket.create_connection(("127.0.0.1", world.port), 2),
        "connect by name": lambda: socket.create_connection(("localhost", world.port), 2),
        "fast open": fast_open,
        "web": lambda: urllib.request.urlopen(f"http://127.0.0.1:{world.port}", timeout=2),
        "datagram": lambda: datagram(socket.AF_INET, "127.0.0.1"),
        "datagram, version 6": lambda: datagram(socket.AF_INET6, "::1"),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "name": lambda: socket.getaddrinfo("example.org", 80),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
