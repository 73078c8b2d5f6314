"""I4: looks for descriptors that somebody forgot to close. It says which are open, and what they are."""

import os
import stat

KINDS = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFREG: "file", stat.S_IFDIR: "folder"}


def quick():
    return 7


def attack():
    found = []
    for descriptor in range(1 << 16):
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            continue
        found.append(f"{descriptor} {KINDS.get(stat.S_IFMT(mode), 'unknown')}")
    return found
