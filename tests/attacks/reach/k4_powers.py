"""K4: raises its limits, sets clocks and names, changes its user, and types into terminals."""

import ctypes
import errno
import mmap
import os
import resource

libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"
PRLIMIT, SETRLIMIT = (302, 160) if X86 else (261, 164)
TIOCSTI, TIOCLINUX, TIOCSCTTY = 0x5412, 0x541C, 0x540E
KINDS = {
    "memory": resource.RLIMIT_DATA, "processes": resource.RLIMIT_NPROC, "files": resource.RLIMIT_FSIZE,
    "time": resource.RLIMIT_CPU, "dumps": resource.RLIMIT_CORE, "locked memory": resource.RLIMIT_MEMLOCK,
}


def quick():
    return 7


def refused(result):
    """Whether the call itself was refused: that its arguments were wrong does not count."""
    return result == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


def at_a_round_address(kind):
    """Raise a limit by an address whose low half is zero, which a filter takes for none."""
    libc.mmap.restype = ctypes.c_void_p
    private, fixed = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 0x100000
    address = libc.mmap(ctypes.c_void_p(1 << 32), ctypes.c_size_t(4096), 3, private | fixed, -1, ctypes.c_long(0))
    if address != 1 << 32:
        return -1
    soft, hard = resource.getrlimit(kind)
    (ctypes.c_uint64 * 2).from_address(address)[:] = [2**64 - 1] * 2
    result = libc.syscall(PRLIMIT, 0, kind, ctypes.c_void_p(address), None)
    libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(4096))
    return result if resource.getrlimit(kind) != (soft, hard) else -1


def attack():
    done = []
    unlimited = (ctypes.c_uint64 * 2)(2**64 - 1, 2**64 - 1)
    for name, kind in KINDS.items():
        if not refused(libc.syscall(PRLIMIT, 0, kind, unlimited, None)):
            done.append(f"{name}: prlimit")
        if not refused(libc.syscall(SETRLIMIT, kind, unlimited)):
            done.append(f"{name}: setrlimit")
        if at_a_round_address(kind) != -1:
            done.append(f"{name}: round address")
    long_ago, own = (ctypes.c_long * 32)(), ctypes.create_string_buffer(b"attacked")
    for name, call in {
        "clock": lambda: libc.clock_settime(0, long_ago),
        "time of day": lambda: libc.settimeofday(long_ago, None),
        "drift": lambda: libc.adjtimex(long_ago),
        "host's name": lambda: libc.sethostname(own, 8),
        "domain's name": lambda: libc.setdomainname(own, 8),
        "user": lambda: libc.setuid(0),
        "users": lambda: libc.setresuid(0, 0, 0),
        "user, files only": lambda: libc.syscall(122 if X86 else 151, 0),
        "group": lambda: libc.setgid(0),
        "groups": lambda: libc.setgroups(0, None),
        "itself": lambda: libc.setuid(os.getuid()),
        "session": lambda: libc.setsid(),
        "process group": lambda: libc.setpgid(0, 0),
        "capabilities": lambda: libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()),
        **{f"type into {fd}": lambda fd=fd: libc.ioctl(fd, TIOCSTI, own) for fd in range(4)},
        **{f"paste into {fd}": lambda fd=fd: libc.ioctl(fd, TIOCLINUX, own) for fd in range(4)},
    }.items():
        if not refused(call()):
            done.append(name)
    if libc.ioctl(0, TIOCSCTTY, 1) != -1:
        done.append("terminal")
    return done
