"""N5: uses the channel to the judge for more than bytes: sends and takes descriptors, changes or shuts it."""

import array
import socket


def quick():
    return 7


def attack():
    done = []
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=3)
    handed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))]
    for name, way in {
        "send a descriptor": lambda: channel.sendmsg([b"x"], handed),
        "take a descriptor": lambda: channel.recvmsg(1, 100, socket.MSG_DONTWAIT),
        "look ahead": lambda: channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT),
        "send out of turn": lambda: channel.send(b"", socket.MSG_DONTWAIT),
        "who is there": lambda: channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12),
        "who is there, by name": lambda: channel.getpeername(),
        "its own name": lambda: channel.getsockname(),
        "buffer": lambda: channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20),
        "connect again": lambda: channel.connect("/nowhere"),
        "listen": lambda: channel.listen(),
        "shut": lambda: channel.shutdown(socket.SHUT_RDWR),
    }.items():
        try:
            way()
            done.append(name)
        except (PermissionError, BlockingIOError):
            pass
        except OSError:
            done.append(name)  # the call itself was let through
    channel.detach()
    return done
