"""P17: has the kernel signal others whenever data arrives on a descriptor."""

import fcntl
import os
import struct

import world

SET_OWNER, SET_SIGNAL, SET_OWNER_EX = 8, 10, 15
IOCTL_OWNER, IOCTL_GROUP = 0x8901, 0x8902


def quick():
    return 7


def attack():
    done = []
    reading, writing = os.pipe()
    for who, descriptor in {"channel": 3, "pipe": reading}.items():
        for name, way in {
            "owner": lambda: fcntl.fcntl(descriptor, SET_OWNER, os.getppid() or world.zygote),
            "owner's group": lambda: fcntl.fcntl(descriptor, SET_OWNER, -world.zygote),
            "itself": lambda: fcntl.fcntl(descriptor, SET_OWNER, os.getpid()),
            "signal": lambda: fcntl.fcntl(descriptor, SET_SIGNAL, 9),
            "thread": lambda: fcntl.fcntl(descriptor, SET_OWNER_EX, struct.pack("ii", 0, world.zygote)),
            "ioctl": lambda: fcntl.ioctl(descriptor, IOCTL_OWNER, struct.pack("i", world.zygote)),
            "ioctl for a group": lambda: fcntl.ioctl(descriptor, IOCTL_GROUP, struct.pack("i", world.zygote)),
        }.items():
            try:
                way()
                done.append(f"{who}: {name}")
            except OSError:
                pass
    return done
