"""F17: leaves folders that are closed, deeper than a path is long, or named by no text, for others to remove."""

import os


def quick():
    return 7


def attack():
    os.chdir(os.environ["TMPDIR"])
    os.umask(0)
    os.makedirs("half/inner")
    os.close(os.open("no mode", os.O_CREAT, 0))
    os.close(os.open(b"\xff\xfe\n", os.O_CREAT))
    os.mkdir("sticky", 0o1777)
    for _ in range(1500):
        os.mkdir("deep" * 10)
        os.chdir("deep" * 10)
    open("file", "w").close()
    os.chdir(os.environ["TMPDIR"])
    os.mkdir("closed", 0)
    return []
