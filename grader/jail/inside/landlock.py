"""Landlock: an allow-list of the files that a worker may open. It needs no_new_privs and kernel 5.13, no privileges.

Landlock cannot exclude parts of an allowed folder, so the list names entries, not their parents. It does not cover
`stat`, and neither modes, owners nor links: the system-call filter denies changing those.
"""

import errno
import os
import stat
import struct
from collections.abc import Iterable

from grader.jail.shared import lockdown

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

READ = _EXECUTE | _READ_FILE | _READ_DIR
LIST = _READ_DIR
WRITE = READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _TRUNCATE
DEVICE = _READ_FILE | _WRITE_FILE
CONTROL = DEVICE | _IOCTL_DEV
THREADS = LIST | DEVICE | _TRUNCATE


def abi() -> int:
    """The version of Landlock that the kernel supports; 0 for none."""
    try:
        return lockdown.syscall(_CREATE, None, 0, 1)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            return 0
        raise


def open_rules(paths: Iterable[tuple[str, int]]) -> list[tuple[int, int]]:
    """Descriptors and rights for the paths that exist. They are opened once and used for every worker."""
    rules = []
    for path, rights in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue  # without a rule, it stays closed to the worker
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_RIGHTS  # the kernel rejects folder rights on a file (EINVAL)
        rules.append((descriptor, rights))
    return rules


def restrict(rules: Iterable[tuple[int, int]], version: int) -> None:
    """Restrict the calling thread to these files, without TCP, and without signals and abstract sockets to outside."""
    handled = (1 << 13) - 1
    if version >= 2:
        handled |= _REFER
    if version >= 3:
        handled |= _TRUNCATE
    if version >= 5:
        handled |= _IOCTL_DEV
    network = 3 if version >= 4 else 0  # bind and connect
    scopes = 3 if version >= 6 else 0  # abstract sockets and signals
    attributes = struct.pack("=QQQ", handled, network, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = lockdown.syscall(_CREATE, attributes, size, 0)
    try:
        for descriptor, rights in rules:
            rule = struct.pack("=Qi", rights & handled, descriptor)  # packed to 12 bytes
            lockdown.syscall(_ADD, ruleset, 1, rule, 0)
        lockdown.syscall(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)
