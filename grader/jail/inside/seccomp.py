"""The system-call filter of a worker: a deny list as a BPF program, installed last.

Denied calls return EPERM, so that a normal library degrades instead of dying. Calls of a foreign architecture (32-bit
`int 0x80`, x32) kill the process. `DENIED` has the numbers for x86-64 and aarch64; on other machines there is no filter
and the level drops to `process`.
"""

import ctypes
import errno
import platform
import struct

from grader.jail.shared import lockdown

DENIED: dict[str, tuple[int | None, int | None]] = {
    # starting programs and processes (threads go through `clone`, which is filtered by its flags)
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    # namespaces, mounts, other roots
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    # the network, and sockets of any kind
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
    "getsockopt": (55, 209),
    "setsockopt": (54, 208),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    "shutdown": (48, 210),
    # kernel facilities with a history of holes
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    # what the whole machine has so many of
    "io_setup": (206, 0),
    "io_submit": (209, 2),
    # the machine
    "sync": (162, 81),
    "syncfs": (306, 267),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
    # files by handle, and watching files
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    # what Landlock does not cover: owners, modes, times, attributes, links, special files; before version 3, sizes
    "truncate": (76, 45),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "utimensat": (280, 88),
    "futimesat": (261, None),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "file_setattr": (469, 469),
    "removexattrat": (466, 466),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    # memory that outlives or escapes the limits
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184),
    "mq_getsetattr": (245, 185),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # priorities and processors
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    # identity, sessions, limits, more layers
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
    "capset": (126, 91),
    "setrlimit": (160, 164),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
}
"""Name -> number on x86-64, on aarch64 (None where the machine has no such call)."""

GPU_NEEDS = frozenset({"memfd_create", "socket", "bind", "listen", "setsockopt", "getsockopt", "getsockname"})
"""What the driver of a GPU does when it starts, and fails without: it maps files in memory, and listens on a socket
without a file for processes that would share its memory. Nobody can be connected to, nor accepted, even so."""

_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7  # AUDIT_ARCH_*
_MACHINES = {"x86_64": (_X86_64, 0), "aarch64": (_AARCH64, 1)}
_CLONE, _CLONE3, _PRLIMIT64, _IOCTL, _MMAP = (56, 220), (435, 435), (302, 261), (16, 29), (9, 222)
_X32_BIT = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data; the low half of argument i is at 16 + 8 i
_CLONE_THREAD = 0x00010000
_MAP_SHARED_ANONYMOUS, _MAP_GROWSDOWN = 0x21, 0x100
_AF_UNIX = 1
_ALLOWED_REQUESTS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: file systems have controls that need no right to write."""
_DENIED_REQUESTS = (0x5412, 0x541C, 0x8901, 0x8902, 0x40086602, 0x401C5820)
"""With a GPU: TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP, FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR."""
_FALLOCATE = (285, 47)
_FCNTL, _PRCTL, _TGKILL, _SOCKET = (72, 25), (157, 167), (234, 131), (41, 198)
_FCNTL_DENIED = (8, 10, 15, 1024, 1026)  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _MODE_FILTER = 1, 22, 2


def supported() -> bool:
    """Whether there is a table for this machine."""
    return platform.machine() in _MACHINES


def build(pid: int, machine: str | None = None, *, gpu: bool = False) -> bytes:
    """The filter for the process `pid` (as it sees itself), an array of `struct sock_filter`.

    `gpu` lets through what a GPU's driver needs: `GPU_NEEDS`, and shared memory. Raises OSError (ENOSYS) on a machine
    without a table.
    """
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no system-call table for {machine}")
    audit, column = _MACHINES[machine]
    denied = _ERRNO | errno.EPERM
    program = [
        _op(_LOAD, _ARCHITECTURE),
        _op(_JUMP_EQUAL, audit, 1, 0),
        _op(_RETURN, _KILL),
        _op(_LOAD, _NUMBER),
    ]
    if audit == _X86_64:
        program += [_op(_JUMP_AT_LEAST, _X32_BIT, 0, 1), _op(_RETURN, _KILL)]
    for name, numbers in DENIED.items():
        number = numbers[column]
        if number is not None and not (gpu and name in GPU_NEEDS):
            program += [_op(_JUMP_EQUAL, number, 0, 1), _op(_RETURN, denied)]
    # glibc falls back from clone3, whose flags a filter cannot read, to clone
    program += [_op(_JUMP_EQUAL, _CLONE3[column], 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    program += _when(_CLONE[column], 0, [_op(_JUMP_ANY_BIT, _CLONE_THREAD, 1, 0), _op(_RETURN, denied)])
    # space behind a file's end counts in no resource limit
    program += _when(_FALLOCATE[column], 1, [_op(_JUMP_EQUAL, 0, 1, 0), _op(_RETURN, denied)])
    # an address may be zero in its low half alone: what protects the limits of others is the number of the process
    program += _when(_PRLIMIT64[column], 0, [_op(_JUMP_EQUAL, 0, 1, 0), _op(_RETURN, denied)])
    program += _when(_PRLIMIT64[column], 2, [_op(_JUMP_EQUAL, 0, 1, 0), _op(_RETURN, denied)])
    # glibc signals its own threads; before version 6, Landlock does not keep signals inside
    program += _when(_TGKILL[column], 0, [_op(_JUMP_EQUAL, pid, 1, 0), _op(_RETURN, denied)])
    # without namespaces, dying with the zygote is all that ends a worker whose grader was killed
    program += _when(_PRCTL[column], 0, [_op(_JUMP_EQUAL, _PR_SET_PDEATHSIG, 0, 1), _op(_RETURN, denied)])
    if gpu:
        program += _when(_SOCKET[column], 0, [_op(_JUMP_EQUAL, _AF_UNIX, 1, 0), _op(_RETURN, denied)])
    else:
        program += _when(
            _MMAP[column],
            3,
            [
                _op(_AND, _MAP_SHARED_ANONYMOUS),
                _op(_JUMP_EQUAL, _MAP_SHARED_ANONYMOUS, 0, 1),
                _op(_RETURN, denied),
            ],
        )
        # no resource limit counts a mapping that is called a stack
        program += _when(_MMAP[column], 3, [_op(_JUMP_ANY_BIT, _MAP_GROWSDOWN, 0, 1), _op(_RETURN, denied)])
    # a signal of one's choice to a process of one's choice whenever data arrives on a descriptor; holding up and
    # watching those who open a file
    for command in _FCNTL_DENIED:
        program += _when(_FCNTL[column], 1, [_op(_JUMP_EQUAL, command, 0, 1), _op(_RETURN, denied)])
    if gpu:
        for request in _DENIED_REQUESTS:
            program += _when(_IOCTL[column], 1, [_op(_JUMP_EQUAL, request, 0, 1), _op(_RETURN, denied)])
    else:
        count = len(_ALLOWED_REQUESTS)
        allowed = [_op(_JUMP_EQUAL, request, count - place) for place, request in enumerate(_ALLOWED_REQUESTS)]
        program += _when(_IOCTL[column], 1, [*allowed, _op(_RETURN, denied)])
    return b"".join([*program, _op(_RETURN, _ALLOW)])


def install(program: bytes) -> None:
    """Filter the calling thread for good. Needs no_new_privs. Raises OSError."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(program, len(program))
    header = Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p).value)
    lockdown.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(header))


def _op(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, k)


def _when(number: int, argument: int, block: list[bytes]) -> list[bytes]:
    """Run `block` on the low half of an argument of this call; load the call's number again behind it."""
    return [
        _op(_JUMP_EQUAL, number, 0, len(block) + 2),
        _op(_LOAD, 16 + 8 * argument),
        *block,
        _op(_LOAD, _NUMBER),
    ]
