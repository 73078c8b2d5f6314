"""P16: asks the kernel about other processes: that they are there, and what they have used."""

import os
import resource
import time

import world


def quick():
    return 7


def attack():
    done = []
    for name, way in {
        "group": lambda: os.getpgid(world.pid),
        "session": lambda: os.getsid(world.pid),
        "processors": lambda: os.sched_getaffinity(world.pid),
        "class": lambda: os.sched_getscheduler(world.pid),
        "priority": lambda: os.getpriority(os.PRIO_PROCESS, world.pid),
        "time": lambda: time.clock_gettime((~world.pid << 3) | 2),
        "limits": lambda: resource.prlimit(world.pid, resource.RLIMIT_NOFILE),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
