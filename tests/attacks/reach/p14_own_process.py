"""P14: changes what the kernel holds of its own process: its end with its parent, its dumps, its name."""

import ctypes

libc = ctypes.CDLL(None, use_errno=True)


def quick():
    return 7


def attack():
    done = []
    for name, arguments in {
        "outlive the parent": (1, 0),
        "be dumped": (4, 1),
        "be called python": (15, b"python"),
        "take orphans": (36, 1),
        "gain privileges": (38, 0),
        "keep capabilities": (8, 1),
        "raise a capability": (47, 2, 2, 0, 0),
        "no filter": (22, 0),
        "another program": (35, 13, 0, 0, 0),
    }.items():
        if libc.prctl(*(arguments + (0, 0, 0, 0))[:5]) != -1:
            done.append(name)
    return done
