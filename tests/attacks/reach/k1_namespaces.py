"""K1: makes and joins namespaces, mounts, and changes its root. Only a refusal counts as one, not a wrong argument."""

import ctypes
import errno
import os

libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"
UNSHARE, SETNS, MOUNT, UMOUNT, PIVOT, CHROOT, CLONE = (272, 308, 165, 166, 155, 161, 56) if X86 else (97, 268, 40, 39, 41, 51, 220)
KINDS = {
    "user": 0x10000000, "mount": 0x00020000, "process": 0x20000000, "network": 0x40000000, "messages": 0x08000000,
    "name": 0x04000000, "group": 0x02000000, "time": 0x00000080,
}


def quick():
    return 7


def refused(number, *arguments):
    result = libc.syscall(number, *arguments)
    if number == CLONE and result == 0:
        os._exit(0)  # a child
    return result == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


def attack():
    done = []
    for kind, flag in KINDS.items():
        if not refused(UNSHARE, flag):
            done.append(f"unshare {kind}")
        if not refused(CLONE, flag | 17, 0, 0, 0, 0):
            done.append(f"clone {kind}")
        if not refused(SETNS, 3, flag):
            done.append(f"setns {kind}")
    scratch = os.environ["TMPDIR"].encode()
    for name, arguments in {
        "unshare files": (UNSHARE, 0x400),
        "clone3": (435, None, 0),
        "mount": (MOUNT, b"none", scratch, b"tmpfs", 0, None),
        "bind": (MOUNT, b"/", scratch, None, 4096, None),
        "unmount": (UMOUNT, b"/no/such/path", 2),
        "pivot_root": (PIVOT, b".", b"."),
        "chroot": (CHROOT, b"/no/such/path"),
        "open_tree": (428, -100, b"/no/such/path", 0),
        "move_mount": (429, -100, b"", -100, b"", 0),
        "fsopen": (430, b"tmpfs", 0),
        "fsconfig": (431, 3, 0, None, None, 0),
        "fsmount": (432, 3, 0, 0),
        "fspick": (433, -100, b"/no/such/path", 0),
        "mount_setattr": (442, -100, b"/no/such/path", 0, None, 0),
        "open_tree_attr": (467, -100, b"/no/such/path", 0, None, 0),
    }.items():
        if not refused(*arguments):
            done.append(name)
    try:
        os.mknod(scratch + b"/device", 0o060666, os.makedev(8, 0))
        done.append("mknod")
    except PermissionError:
        pass
    return done
