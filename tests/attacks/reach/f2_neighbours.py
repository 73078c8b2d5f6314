"""F2: reads other submissions, and what the grader keeps beside them."""

import os

import world

spool = os.path.dirname(os.path.dirname(world.neighbour))
kept = os.path.dirname(spool)


def quick():
    return 7


def guessed():
    own = os.path.dirname(os.path.abspath(__file__))
    for number in range(1, 20_000):
        for folder in (spool, "/spool"):
            other = f"{folder}/{number:06d}"
            if other != own and os.access(f"{other}/task.py", os.R_OK):
                try:
                    return open(f"{other}/task.py").read()
                except OSError:
                    pass
    raise FileNotFoundError


def attack():
    done = []
    for name, way in {
        "neighbour": lambda: open(world.neighbour).read(),
        "its folder": lambda: os.listdir(os.path.dirname(world.neighbour)),
        "spool": lambda: os.listdir(spool),
        "spool inside": lambda: os.listdir("/spool"),
        "guessed": guessed,
        "above": lambda: os.listdir(".."),
        "grader's folder": lambda: os.listdir(kept),
        "grader's log": lambda: open(f"{kept}/zygote.log").read(),
        "canary": lambda: open(f"{kept}/canary").read(),
        "canary inside": lambda: open("/canary").read(),
        "scratch of others": lambda: os.listdir(os.path.dirname(os.environ["TMPDIR"])),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
