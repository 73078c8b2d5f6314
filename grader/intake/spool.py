"""The spool, where workers find what they are shown: what an archive says is in it is written with every path checked,
and handed over read-only.
"""

import errno
import os
from pathlib import Path, PurePosixPath

from grader.jail.host import Jail
from grader.jail.shared.messages import Entry
from grader.records.sanitize import plain

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""What the machine lacks and no student is to blame for."""


def write_entries(folder: Path, entries: list[Entry], data: bytes, notes: list[str], *, most: int, depth: int) -> bool:
    """Write what a worker says it found, at most `depth` folders deep; whether it sent as much as it says.

    Where it did not, or sent more than `most` entries, nothing is written. Raises OSError where there is no space left.
    """
    if len(entries) > most or sum(entry.size for entry in entries) > len(data):
        return False
    position = 0
    for entry in entries:
        content = data[position : position + entry.size]
        position += entry.size
        parts = PurePosixPath(entry.path).parts
        safe = parts and ".." not in parts and not entry.path.startswith("/") and "\0" not in entry.path
        if not safe or len(parts) > depth:
            notes.append(f"`{plain(entry.path, 100)}` leads outside the archive and was left out")
            continue
        target = folder.joinpath(*parts)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            if error.errno in NO_SPACE:
                raise
            notes.append(f"`{plain(entry.path, 100)}` cannot be written ({error.strerror}) and was left out")
    return True


def hand_over(folder: Path, jail: Jail) -> None:
    """Make a folder of the spool read-only, and readable by the user that workers become."""
    for path in (folder, *folder.rglob("*")):
        if jail.as_root:
            os.chown(path, jail.uid, jail.uid)
        # our own folders stay writable for us, so that they can be removed
        path.chmod(0o400 if path.is_file() else 0o500 if jail.as_root else 0o700)
