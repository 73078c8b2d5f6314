"""F13: opens devices, and what the kernel tells of the machine or lets it be told."""

import os


def quick():
    return 7


def attack():
    done = []
    for path in (
        "/dev/mem", "/dev/kmsg", "/dev/port", "/dev/tty", "/dev/console", "/dev/ptmx", "/dev/pts/ptmx", "/dev/tty0",
        "/dev/full", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/loop-control", "/dev/loop0", "/dev/sda", "/dev/vda",
        "/dev/userfaultfd", "/dev/vsock", "/dev/dri/card0", "/dev/nvidiactl", "/dev/log",
        "/sys/kernel/uevent_seqnum", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/fs/cgroup/cgroup.procs",
        "/sys/class/dmi/id/product_name", "/sys/power/state",
    ):
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            done.append(path)
        except OSError:
            pass
    for path in ("/dev", "/dev/pts", "/dev/shm", "/sys", "/sys/class/net", "/sys/fs/cgroup", "/sys/block", "/sys/devices"):
        try:
            os.listdir(path)
            done.append(f"list {path}")
        except OSError:
            pass
    for path in ("/sys/devices/system/cpu/cpu1/online", "/sys/devices/system/cpu/online", "/sys/fs/cgroup/cgroup.procs"):
        try:
            os.close(os.open(path, os.O_WRONLY))
            done.append(f"write {path}")
        except OSError:
            pass
    return done
