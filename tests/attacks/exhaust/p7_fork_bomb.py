"""P7: forks, and does not wait for what it has forked, until nothing else can start."""

import os


def quick():
    return 7


def attack():
    forks = 0
    for _ in range(200):
        try:
            os.fork() or os._exit(0)
            forks += 1
        except OSError:
            pass
    return [f"{forks} forks"] if forks else []
