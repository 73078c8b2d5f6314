"""F10: makes more files than anybody needs."""

import os


def quick():
    return 7


def attack():
    folder = os.environ["TMPDIR"]
    try:
        for number in range(2500):
            os.close(os.open(f"{folder}/{number}", os.O_CREAT))
    except OSError:
        return []
    return ["2500 files"]
