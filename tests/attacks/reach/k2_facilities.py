"""K2: calls facilities of the kernel that had holes. Only a refusal counts as one, not a wrong argument."""

import ctypes
import errno
import os

libc = ctypes.CDLL(None, use_errno=True)
COLUMN = 0 if os.uname().machine == "x86_64" else 1
NUMBERS = {
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "io_submit": (209, 2),
    "sync": (162, 81),
    "syncfs": (306, 267),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "iopl": (172, None),
    "ioperm": (173, None),
    "uselib": (134, None),
    "sysfs": (139, None),
    "splice": (275, 76),
    "tee": (276, 77),
    "vmsplice": (278, 75),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "acct": (163, 89),
    "syslog": (103, 116),
    "reboot": (169, 142),
    "vhangup": (153, 58),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "set_mempolicy": (238, 237),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
}


def quick():
    return 7


def attack():
    done = []
    for name, numbers in NUMBERS.items():
        if numbers[COLUMN] is not None:
            result = libc.syscall(numbers[COLUMN], 0, None, 0, 0, 0, 0)
            if result != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
                done.append(name)
    return done
