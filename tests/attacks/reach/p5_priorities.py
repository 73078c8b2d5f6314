"""P5: changes priorities, processors and limits, of itself and of others."""

import ctypes
import os
import resource

import world

libc = ctypes.CDLL(None, use_errno=True)
IO_PRIORITY, SET_ATTRIBUTES = (251, 314) if os.uname().machine == "x86_64" else (30, 274)


def quick():
    return 7


def call(*arguments):
    if libc.syscall(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "refused")


def attack():
    done = []
    attributes = (ctypes.c_uint32 * 12)(48, 3)
    for who, pid in {"itself": 0, "judge": world.pid, "zygote": world.zygote, "parent": os.getppid()}.items():
        for name, way in {
            "nicer": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
            "group": lambda: os.setpriority(os.PRIO_PGRP, pid, 19),
            "user": lambda: os.setpriority(os.PRIO_USER, 0, 19),
            "processors": lambda: os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))}),
            "class": lambda: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)),
            "parameter": lambda: os.sched_setparam(pid, os.sched_param(0)),
            "attributes": lambda: call(SET_ATTRIBUTES, pid, attributes, 0),
            "disk": lambda: call(IO_PRIORITY, 1, pid, 3 << 13),
            "limit": lambda: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)),
        }.items():
            try:
                way()
                done.append(f"{who}: {name}")
            except (OSError, ValueError):
                pass
    return done
