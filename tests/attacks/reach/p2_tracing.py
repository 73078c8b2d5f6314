"""P2: attaches to the zygote and the judge as a debugger, which would stop them."""

import ctypes
import os

import world

libc = ctypes.CDLL(None, use_errno=True)
TRACEME, ATTACH, SEIZE = 0, 16, 0x4206


def quick():
    return 7


def attack():
    done = []
    for name, request, pid in (
        ("attach to the zygote", ATTACH, world.zygote),
        ("attach to the parent", ATTACH, os.getppid() or world.zygote),
        ("seize the judge", SEIZE, world.pid),
        ("seize the zygote", SEIZE, world.zygote),
        ("be traced", TRACEME, 0),
    ):
        if libc.ptrace(request, pid, None, None) != -1:
            done.append(name)
    return done
