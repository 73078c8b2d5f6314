"""The spool, where workers find what they are shown: what an archive says is in it is written with every path checked,
and handed over read-only.
"""

import errno
import os
from pathlib import Path, PurePath, PurePosixPath

from grader.intake.rejected import Rejected
from grader.jail.host import Jail
from grader.jail.shared.messages import Entry
from grader.records.sanitize import sanitize

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""What the machine lacks and no student is to blame for."""


def write_entries(folder: Path, entries: list[Entry], data: bytes, *, most: int, depth: int) -> list[str]:
    """Write what a worker says it found, at most `depth` folders deep; notes on what was left out.

    Raises `Rejected`, before anything is written, where it sent less than it says or more than `most` entries; OSError
    where there is no space left.
    """
    if len(entries) > most or sum(entry.size for entry in entries) > len(data):
        raise Rejected("the archive is broken")
    notes = []
    position = 0
    for entry in entries:
        content = data[position : position + entry.size]
        position += entry.size
        try:
            write_file(folder, _checked(entry.path, depth), content)
        except Rejected as reason:
            notes.append(f"`{sanitize(entry.path, 100)}` {reason}")
    return notes


def _checked(path: str, depth: int) -> PurePosixPath:
    """The path of an entry. Raises `Rejected` where it leads elsewhere."""
    parts = PurePosixPath(path).parts
    safe = parts and ".." not in parts and not path.startswith("/") and "\0" not in path
    if not safe or len(parts) > depth:
        raise Rejected("leads outside the archive and was left out")
    return PurePosixPath(*parts)


def write_file(folder: Path, name: PurePath, data: bytes) -> None:
    """Write one file below `folder`. Raises `Rejected` where it cannot be, OSError where there is no space left."""
    target = folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        raise Rejected(f"cannot be written ({error.strerror}) and was left out") from None


def hand_over(folder: Path, jail: Jail) -> None:
    """Make a folder of the spool read-only, and readable by the user that workers become."""
    for path in (folder, *folder.rglob("*")):
        if jail.as_root:
            os.chown(path, jail.uid, jail.uid)
        # our own folders stay writable for us, so that they can be removed
        path.chmod(0o400 if path.is_file() else 0o500 if jail.as_root else 0o700)
