"""K6: tries from threads, which have the locks of the thread that started them."""

import os
import socket
import threading

import world


def quick():
    return 7


def attack():
    done = []

    def tries():
        for name, way in {
            "socket": lambda: socket.socket().close(),
            "signal": lambda: os.kill(os.getppid(), 0),
            "file": lambda: open(world.file).read(),
            "mode": lambda: os.chmod(__file__, 0o644),
        }.items():
            try:
                way()
                done.append(name)
            except OSError:
                pass

    def starts():
        tries()
        inner = threading.Thread(target=tries)
        inner.start()
        inner.join()

    outer = threading.Thread(target=starts)
    outer.start()
    outer.join()
    return done
