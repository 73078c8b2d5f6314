"""P7: forks, and its children too, until nothing on the machine can start any more."""

import os


def quick():
    return 7


def attack():
    forks = 0
    for _ in range(2000):
        try:
            os.fork() or os._exit(0)
            forks += 1
        except OSError:
            pass
    return [f"{forks} forks"] if forks else []
