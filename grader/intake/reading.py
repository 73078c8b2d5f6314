"""Files that students handed in -> bytes, under caps. No link is followed, and nothing is parsed.

What is left out is told by a note, in a student's words, where a file would have come.
"""

import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePath
from typing import NamedTuple

from grader.intake.rejected import Rejected
from grader.jail.shared.ignored import IGNORED
from grader.records.sanitize import sanitize

MAX_ENTRIES = 2000
MAX_DEPTH = 16
_SCANNED = 50_000
TOO_MANY = f"only the first {_SCANNED} files and folders were looked at"
"""The note that stands before all others: what else is said to be missing may lie behind it."""
TOO_DEEP = f"what lies deeper than {MAX_DEPTH} folders was not looked at"


class Contents(NamedTuple):
    """The bytes of a file, and what tells whether it was changed since."""

    data: bytes
    stamp: tuple[int, ...]
    """Device, inode, and the size and time of change in nanoseconds before it was read and after."""


class Found(NamedTuple):
    """A file of a submission, not read yet: what it is called there, and how to read it where it has so many bytes."""

    name: PurePath
    read: Callable[[int], Contents]
    """Raises `Rejected`."""


class File(NamedTuple):
    """A file of a submission."""

    name: PurePath
    contents: Contents


def read_file(path: Path, most: int) -> Contents:
    """Read a regular file of at most `most` bytes, which nobody but its folder's owner put there. Raises `Rejected`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise Rejected("is no regular file and was left out")
            if before.st_nlink > 1 and os.geteuid() == 0 and before.st_uid != path.parent.stat().st_uid:
                raise Rejected("is a link to a file of somebody else and was left out")  # which only root could read
            if Path(f"/proc/self/fd/{descriptor}").readlink() != path:  # a folder above it became a link
                raise Rejected("was moved while it was read and was left out")
            # by the size first: a sparse file takes seconds to read; it may still grow meanwhile
            data = b"" if before.st_size > most else file.read(most + 1)
            after = os.fstat(descriptor)
    except OSError as error:
        raise Rejected(f"cannot be read ({error.strerror}) and was left out") from None
    if max(before.st_size, len(data)) > most:
        raise Rejected("is too large and was left out")
    times = (before.st_size, before.st_mtime_ns, after.st_size, after.st_mtime_ns)
    return Contents(data, (before.st_dev, before.st_ino, *times))


def check_name(name: str) -> None:
    """Raises `Rejected` for a file's name that is no text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Rejected("has a name that is not UTF-8 and was left out") from None


def read_folder(folder: Path, most: int, without: Path | None = None) -> Iterator[File | str]:
    """The files of a folder, `most` bytes of them at most, and notes on what was left out, one at a time.

    `without` is a folder inside it that is not part of it.
    """
    excluded = without.resolve() if without else None
    found = (
        path if isinstance(path, str) else Found(path.relative_to(folder), partial(_read_named, path))
        for path in walk(folder, excluded)
    )
    return capped(found, most)


def _read_named(path: Path, most: int) -> Contents:
    check_name(path.name)
    return read_file(path, most)


def capped(found: Iterable[Found | str], most: int) -> Iterator[File | str]:
    """Read what was found for as long as there is room, with a note for each file that was left out."""
    count = 0
    for each in found:
        if isinstance(each, str):
            yield each
            continue
        if count >= MAX_ENTRIES:
            yield f"only the first {MAX_ENTRIES} files were looked at"
            return
        try:
            contents = each.read(most)
        except Rejected as reason:
            yield f"`{sanitize(str(each.name), 100)}` {reason}"
            continue
        most -= len(contents.data)
        count += 1
        yield File(each.name, contents)


def walk(folder: Path, without: Path | None = None) -> Iterator[Path | str]:
    """The regular files of a folder, shallow ones and Python files first, so that caps cut what matters least."""
    level = [folder]
    scanned = 0
    for _ in range(MAX_DEPTH):
        deeper: list[Path] = []
        files: list[Path] = []
        for directory in level:
            if scanned > _SCANNED:
                break
            try:
                entries = listed(directory, _SCANNED + 1 - scanned)
            except OSError as error:
                yield f"`{sanitize(directory.name, 100)}` cannot be listed: {error.strerror}"
                continue
            scanned += len(entries)
            if scanned > _SCANNED:
                yield TOO_MANY
            for entry in entries:
                if is_ignored(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if Path(entry.path) != without:
                        deeper.append(Path(entry.path))
                elif entry.is_symlink():
                    yield f"`{sanitize(entry.name, 100)}` is a link and was left out"
                else:
                    files.append(Path(entry.path))
        yield from sorted(files, key=is_no_python)
        level = deeper
    if level:
        yield TOO_DEEP


def is_no_python(path: PurePath) -> bool:
    """Whether a file comes after the Python files of its depth."""
    return path.suffix != ".py"


def listed(folder: Path, most: int | None = None) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name: as many entries as that, where it is given. Raises OSError."""
    with os.scandir(folder) as entries:
        return sorted(itertools.islice(entries, most), key=lambda entry: entry.name)


def is_ignored(name: str) -> bool:
    """Whether a file or folder is none that somebody hands in: hidden, or left behind by a system or by us."""
    return name.startswith(".") or name in IGNORED
