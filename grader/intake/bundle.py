"""An upload -> a bundle: the submission as bytes, under caps, which any session can stage. Nothing of it is parsed."""

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
    Found,
    capped,
    check_name,
    is_ignored,
    is_no_python,
    read_file,
    read_folder,
)
from grader.intake.rejected import Rejected
from grader.records.limits import Limits
from grader.records.sanitize import sanitize


class Bundle(msgspec.Struct, frozen=True):
    """What was handed in, as bytes: what a task carries to wherever it is graded."""

    files: list[tuple[str, bytes]]
    """By path, in order: none absolute, none with `..`."""
    notes: list[str] = []
    """What was left out, in the student's words."""


@dataclass(frozen=True)
class Packed:
    """A bundle, and what tells whether its files were changed since."""

    bundle: Bundle
    stamp: str


class Identity(NamedTuple):
    """Which submission an upload is: the same where the content is; changed since where the stamp is not."""

    content: str
    stamp: str


def identify(upload: Upload, limits: Limits) -> Identity:
    """Read an upload's files where they lie, and keep nothing of them but this."""
    packed = pack(upload, limits)
    return Identity(content_of(packed.bundle), packed.stamp)


def pack(upload: Upload, limits: Limits) -> Packed:
    """Read an upload's files, `limits.files_mib` at most; what cannot be read is left out with a note."""
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


def content_of(bundle: Bundle) -> str:
    """A hash of the names and bytes, and of what was left out: what makes two submissions the same."""
    digest = hashlib.blake2b(digest_size=16)
    for text in (*bundle.notes, ""):
        digest.update(f"{len(text)}:{text}".encode())
    for name, data in bundle.files:
        digest.update(
            b"%d:%b:%d:" % (len(os.fsencode(name)), os.fsencode(name), len(data))
        )  # a folder's may be no UTF-8
        digest.update(data)
    return digest.hexdigest()


def files_of(bundle: Bundle, most: int) -> Iterator[File | str]:
    """A bundle's files and notes on what is left out, as if they lay in one folder: several parts may be too much."""
    return capped(_walked(bundle), most)


def _walked(bundle: Bundle) -> Iterator[Found | str]:
    """The files in the order in which `reading.walk` would find them."""
    found = ((PurePosixPath(name), data) for name, data in bundle.files)
    for name, data in sorted(found, key=lambda file: (len(file[0].parts), is_no_python(file[0]), file[0])):
        if any(is_ignored(part) for part in name.parts):
            continue
        if len(name.parts) > MAX_DEPTH:
            yield TOO_DEEP
            return
        yield Found(name, partial(held, data))


def held(data: bytes, most: int) -> Contents:
    """What is in memory already, as if it was read. Raises `Rejected`."""
    if len(data) > most:
        raise Rejected("is too large and was left out")
    return Contents(data, ())


def _read(
    part: Part, files: Mapping[PurePosixPath, Contents], folders: Set[PurePosixPath], limits: Limits
) -> Iterator[File | str]:
    """The files of one part, beside those of the parts before it. Raises `Rejected`."""
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
    """A file of one part that cannot stand where another part has a folder, or the other way round."""
    return f"cannot be read ({os.strerror(error)}) and was left out"
