"""Write to the spool, the folder whose entries workers see as their submission.

Every path from an archive is checked before it is written, and the result is made read-only for the worker.
"""

import errno
import os
from pathlib import Path, PurePath, PurePosixPath

from grader.intake.rejected import Rejected
from grader.jail.host import Jail
from grader.jail.shared.messages import Entry
from grader.records.sanitize import sanitize

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a full disk: the machine's problem, never a note on a submission."""


def write_entries(folder: Path, entries: list[Entry], data: bytes, *, most: int, depth: int) -> list[str]:
    """Write the files that a worker reported, at most `depth` folders deep; return notes on what was left out.

    Raises `Rejected`, before anything is written, where the bytes are fewer than reported or there are more than `most`
    entries; OSError where the disk is full.
    """
    if len(entries) > most or sum(entry.size for entry in entries) > len(data):
        raise Rejected("the archive is broken")
    notes = []
    position = 0
    for entry in entries:
        content = data[position : position + entry.size]
        position += entry.size
        try:
            write_file(folder, _safe_path(entry.path, depth), content)
        except Rejected as reason:
            notes.append(f"`{sanitize(entry.path, 100)}` {reason}")
    return notes


def _safe_path(path: str, depth: int) -> PurePosixPath:
    """The path of an entry. Raises `Rejected` where it points outside the archive."""
    parts = PurePosixPath(path).parts
    safe = parts and ".." not in parts and not path.startswith("/") and "\0" not in path
    if not safe or len(parts) > depth:
        raise Rejected("points outside the archive and was left out")
    return PurePosixPath(*parts)


def write_file(folder: Path, name: PurePath, data: bytes) -> None:
    """Write one file below `folder`. Raises `Rejected` where that is impossible, OSError where the disk is full."""
    target = folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        raise Rejected(f"cannot be written ({error.strerror}) and was left out") from None


def hand_over(folder: Path, jail: Jail) -> None:
    """Hand a folder of the spool over to workers: read-only, and owned by the user that they run as."""
    for path in (folder, *folder.rglob("*")):
        if jail.as_root:
            os.chown(path, jail.uid, jail.uid)
        # without root, the worker's user is our own: folders stay writable, so that we can remove them
        path.chmod(0o400 if path.is_file() else 0o500 if jail.as_root else 0o700)
