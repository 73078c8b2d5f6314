"""R3: prints without an end while a class is made."""

import os


def quick():
    return 7


def attack():
    return []


class Printing:
    while True:
        os.write(1, b"x" * (1 << 16))
