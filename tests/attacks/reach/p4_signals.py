"""P4: signals the zygote, the judge and everybody, by every call that can."""

import ctypes
import os
import signal

import world

libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"
TGKILL, TKILL, QUEUE, QUEUE_THREAD = (234, 200, 129, 297) if X86 else (131, 130, 138, 240)
STOP, HARMLESS = signal.SIGSTOP, signal.SIGWINCH


def quick():
    return 7


def call(*arguments):
    if libc.syscall(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "refused")


def information(number):
    """A `siginfo_t` that says it was queued."""
    return (ctypes.c_int * 32)(number, 0, -1)


def timer(thread):
    """A timer that signals a thread when it runs out."""
    event = (ctypes.c_int * 16)(0, 0, HARMLESS, 4, thread)
    if libc.timer_create(1, event, ctypes.byref(ctypes.c_void_p())) == -1:
        raise OSError(ctypes.get_errno(), "refused")


def attack():
    done = []
    parent = os.getppid() or world.zygote
    for name, way in {
        "stop the zygote": lambda: os.kill(world.zygote, STOP),
        "stop the parent": lambda: os.kill(parent, STOP),
        "stop a thread of it": lambda: call(TGKILL, parent, parent, STOP),
        "stop a thread, tkill": lambda: call(TKILL, parent, STOP),
        "queue": lambda: call(QUEUE, parent, STOP, information(STOP)),
        "queue for a thread": lambda: call(QUEUE_THREAD, parent, parent, STOP, information(STOP)),
        "the zygote's group": lambda: os.killpg(world.zygote, 0),
        "the judge": lambda: os.kill(world.pid, HARMLESS),
        "the judge's thread": lambda: call(TGKILL, world.pid, world.pid, HARMLESS),
        "somebody at all": lambda: os.kill(world.pid, 0),
        "everybody": lambda: os.kill(-1, HARMLESS),
        "the first": lambda: os.kill(1, 0),
        "by descriptor": lambda: signal.pidfd_send_signal(os.pidfd_open(parent), STOP),
        "by a descriptor of its own": lambda: signal.pidfd_send_signal(3, STOP),
        "by a timer": lambda: timer(parent),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
