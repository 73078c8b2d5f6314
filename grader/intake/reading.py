"""Read the files of a submission, under size limits. No link is followed, and nothing is parsed.

The iterators here yield a note, phrased for the student, in place of each file that is left out. Notes are part of a
submission's content hash, and its seed is derived from that: rewording one changes the identity, and with it the grade,
of submissions that gradebooks already hold.
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
"""The note that is shown before all others, because it may explain them."""
TOO_DEEP = f"what lies deeper than {MAX_DEPTH} folders was not looked at"


class Contents(NamedTuple):
    """The bytes of a file, with a stamp that changes when the file does."""

    data: bytes
    stamp: tuple[int, ...]
    """Device, inode, then size and modification time in nanoseconds, before and after reading."""


class FoundFile(NamedTuple):
    """A file of a submission that was not read yet."""

    name: PurePath
    read: Callable[[int], Contents]
    """Reads it, given the most bytes it may have. Raises `Rejected`."""


class File(NamedTuple):
    """A file of a submission."""

    name: PurePath
    contents: Contents


def read_file(path: Path, most: int) -> Contents:
    """Read a regular file of at most `most` bytes, without following links. Raises `Rejected`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise Rejected("is no regular file and was left out")
            # as root we could read what the student cannot: a hard link would copy somebody else's file
            if before.st_nlink > 1 and os.geteuid() == 0 and before.st_uid != path.parent.stat().st_uid:
                raise Rejected("is a link to a file of somebody else and was left out")
            if Path(f"/proc/self/fd/{descriptor}").readlink() != path:  # a folder above it became a link
                raise Rejected("was moved while it was read and was left out")
            # check the size first: a sparse file takes seconds to read; read one byte more, as it may still grow
            data = b"" if before.st_size > most else file.read(most + 1)
            after = os.fstat(descriptor)
    except OSError as error:
        raise Rejected(f"cannot be read ({error.strerror}) and was left out") from None
    if max(before.st_size, len(data)) > most:
        raise Rejected("is too large and was left out")
    times = (before.st_size, before.st_mtime_ns, after.st_size, after.st_mtime_ns)
    return Contents(data, (before.st_dev, before.st_ino, *times))


def check_name(name: str) -> None:
    """Raises `Rejected` for a file name that is not valid text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Rejected("has a name that is not UTF-8 and was left out") from None


def read_folder(folder: Path, most: int, without: Path | None = None) -> Iterator[File | str]:
    """Yield the files of a folder, at most `most` bytes in total, and notes on what was left out.

    `without` is a folder inside it that is not part of the submission.
    """
    excluded = without.resolve() if without else None
    found = (
        path if isinstance(path, str) else FoundFile(path.relative_to(folder), partial(_read_named, path))
        for path in walk(folder, excluded)
    )
    return read_capped(found, most)


def _read_named(path: Path, most: int) -> Contents:
    check_name(path.name)
    return read_file(path, most)


def read_capped(found: Iterable[FoundFile | str], most: int) -> Iterator[File | str]:
    """Read files until the limit is reached, with a note for each file that was left out."""
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
    """The regular files of a folder, shallow ones and Python files first, so that a limit cuts what matters least."""
    level = [folder]
    scanned = 0
    for _ in range(MAX_DEPTH):
        deeper: list[Path] = []
        files: list[Path] = []
        for directory in level:
            if scanned > _SCANNED:
                break
            try:
                entries = list_folder(directory, _SCANNED + 1 - scanned)
            except OSError as error:
                yield f"`{sanitize(directory.name, 100)}` cannot be list_folder: {error.strerror}"
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
        yield from sorted(files, key=is_not_python)
        level = deeper
    if level:
        yield TOO_DEEP


def is_not_python(path: PurePath) -> bool:
    """Whether a file is sorted after the Python files of its depth."""
    return path.suffix != ".py"


def list_folder(folder: Path, most: int | None = None) -> list[os.DirEntry[str]]:
    """The entries of a folder, sorted by name; at most `most` of them, where that is given. Raises OSError."""
    with os.scandir(folder) as entries:
        return sorted(itertools.islice(entries, most), key=lambda entry: entry.name)


def is_ignored(name: str) -> bool:
    """Whether a file or folder is not part of a submission: hidden, or created by the system or by the grader."""
    return name.startswith(".") or name in IGNORED
