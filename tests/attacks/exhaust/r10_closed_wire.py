"""R10: closes the wire, and computes on."""

import os

CASE = "closed"


def quick():
    return 7


WAYS = {
    "closed": lambda: os.close(3),
    "replaced": lambda: os.dup2(os.open("/dev/null", os.O_RDWR), 3),
}


def attack():
    WAYS[CASE]()
    while True:
        pass
