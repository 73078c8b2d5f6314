"""F9: fills the disk, with one file or with many."""

import os


def quick():
    return 7


def attack():
    folder = os.environ["TMPDIR"]
    done = []
    for name, files, size in (("one file", 1, 16), ("many files", 16, 1)):
        try:
            for number in range(files):
                with open(f"{folder}/{name} {number}", "wb") as file:
                    for _ in range(size):
                        file.write(bytes(1 << 20))
            done.append(name)
        except OSError:
            pass
        for left in os.listdir(folder):
            os.unlink(f"{folder}/{left}")
    return done
