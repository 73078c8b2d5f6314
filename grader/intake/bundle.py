"""Pack an upload into a bundle: the submission's bytes, under size limits, which any session can stage unparsed.

The notes made here are part of the content hash; see `reading` before rewording one.
"""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

import msgspec

from grader.course.layouts import Part, Upload
from grader.intake.reading import (
    MAX_DEPTH,
    TOO_DEEP,
    TOO_MANY,
    Contents,
    File,
    FoundFile,
    check_name,
    is_ignored,
    is_not_python,
    read_capped,
    read_file,
    read_folder,
)
from grader.intake.rejected import Rejected
from grader.records.limits import Limits
from grader.records.sanitize import sanitize


class Bundle(msgspec.Struct, frozen=True):
    """A submission as bytes, which a task carries to the process that grades it."""

    files: list[tuple[str, bytes]]
    """(path, content), sorted by path; no path is absolute or contains `..`."""
    notes: list[str] = []
    """What was left out, phrased for the student."""


@dataclass(frozen=True)
class Packed:
    """A bundle, with a stamp that changes when its files do."""

    bundle: Bundle
    stamp: str


class Identity(NamedTuple):
    """The identity of an upload: equal content means the same submission, an equal stamp means unchanged files."""

    content: str
    stamp: str


def identify(upload: Upload, limits: Limits) -> Identity:
    """Hash an upload's files in place, without keeping their contents."""
    packed = pack(upload, limits)
    return Identity(content_hash(packed.bundle), packed.stamp)


def pack(upload: Upload, limits: Limits) -> Packed:
    """Read at most `limits.files_mib` of an upload's files; what cannot be read is left out with a note."""
    files: dict[PurePosixPath, Contents] = {}
    folders = {PurePosixPath()}
    notes: list[str] = []
    for part in upload.parts:
        try:
            for found in _read(part, files, folders, limits):
                if isinstance(found, str):
                    notes.insert(0 if found == TOO_MANY else len(notes), found)
                else:
                    name = PurePosixPath(found.name)
                    files[name] = found.contents
                    folders.update(name.parents)
        except Rejected as reason:
            notes.append(f"`{sanitize(part.name or part.path.name, 100)}` {reason}")
    ordered = sorted(files.items())
    stamps = [(str(name), contents.stamp) for name, contents in ordered]
    stamp = hashlib.blake2b(ascii((stamps, notes)).encode(), digest_size=16).hexdigest()
    return Packed(Bundle([(str(name), contents.data) for name, contents in ordered], notes), stamp)


def content_hash(bundle: Bundle) -> str:
    """A hash of the names, the bytes and the notes on what was left out: equal for equal submissions."""
    digest = hashlib.blake2b(digest_size=16)
    for text in (*bundle.notes, ""):
        digest.update(f"{len(text)}:{text}".encode())
    for name, data in bundle.files:
        encoded = os.fsencode(name)  # a folder's name need not be UTF-8
        digest.update(b"%d:%b:%d:" % (len(encoded), encoded, len(data)))
        digest.update(data)
    return digest.hexdigest()


def bundle_files(bundle: Bundle, most: int) -> Iterator[File | str]:
    """A bundle's files, and notes on what is left out where its parts together exceed the limits of one folder."""
    return read_capped(_walk(bundle), most)


def _walk(bundle: Bundle) -> Iterator[FoundFile | str]:
    """The files in the order in which `reading.walk` would find them."""
    found = ((PurePosixPath(name), data) for name, data in bundle.files)
    for name, data in sorted(found, key=lambda file: (len(file[0].parts), is_not_python(file[0]), file[0])):
        if any(is_ignored(part) for part in name.parts):
            continue
        if len(name.parts) > MAX_DEPTH:
            yield TOO_DEEP
            return
        yield FoundFile(name, partial(from_memory, data))


def from_memory(data: bytes, most: int) -> Contents:
    """Bytes in memory as the `Contents` of a file. Raises `Rejected`."""
    if len(data) > most:
        raise Rejected("is too large and was left out")
    return Contents(data, ())


def _read(
    part: Part, files: Mapping[PurePosixPath, Contents], folders: Set[PurePosixPath], limits: Limits
) -> Iterator[File | str]:
    """The files of one part; `files` and `folders` are those of the parts before it. Raises `Rejected`."""
    name = PurePosixPath(part.name)
    most = max(limits.files_mib - (sum(len(contents.data) for contents in files.values()) >> 20), 0) << 20
    if ".." in name.parts or name.is_absolute():
        raise Rejected("leads outside the submission and was left out")
    if part.path.is_symlink():
        raise Rejected("is a link and was left out")
    if not part.path.is_dir():
        if name in files or name in folders:
            raise Rejected("was handed in twice; the first was taken")
        if any(folder in files for folder in name.parents):
            raise Rejected(_unreadable(errno.ENOTDIR))
        check_name(name.name)
        yield File(name, read_file(part.path, most))
        return
    for found in read_folder(part.path, most):
        if isinstance(found, str):
            yield found
        elif name / found.name in folders:
            yield f"`{sanitize(str(found.name), 100)}` {_unreadable(errno.EISDIR)}"
        elif any(folder in files for folder in (name / found.name).parents):
            yield f"`{sanitize(str(found.name), 100)}` {_unreadable(errno.ENOTDIR)}"
        else:
            yield File(name / found.name, found.contents)


def _unreadable(error: int) -> str:
    """The reason for leaving out a file whose path is a folder in another part, or the other way round."""
    return f"cannot be read ({os.strerror(error)}) and was left out"
