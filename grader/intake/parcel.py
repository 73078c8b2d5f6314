"""An upload -> a parcel: the submission as bytes, under caps, which any slot can stage. Nothing of it is parsed."""

import hashlib
import os
import tempfile
from pathlib import Path, PurePosixPath

import msgspec

from grader.course.layouts import Part, Upload
from grader.intake.staging import copy_file, copy_folder
from grader.records.limits import Limits
from grader.records.sanitize import plain


class Parcel(msgspec.Struct, frozen=True):
    """What was handed in, as bytes: what a task carries to wherever it is graded."""

    files: list[tuple[str, bytes]]
    """By path, in order: none absolute, none with `..`."""
    notes: list[str] = []
    """What was left out, in the student's words."""


def pack(upload: Upload, limits: Limits) -> Parcel:
    """Read an upload's files, `limits.files_mib` at most; what cannot be read is left out with a note."""
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="grade-parcel-") as folder:
        for part in upload.parts:
            problem = _copy(part, Path(folder), limits, notes)
            if problem is not None:
                notes.append(f"`{plain(part.name or part.path.name, 100)}` {problem}")
        copies = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        files = [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in copies]
    return Parcel(files, notes)


def content_of(parcel: Parcel) -> str:
    """A hash of the names and bytes, and of what was left out: what makes two submissions the same."""
    digest = hashlib.blake2b(digest_size=16)
    for text in (*parcel.notes, ""):
        digest.update(f"{len(text)}:{text}".encode())
    for name, data in parcel.files:
        digest.update(
            b"%d:%b:%d:" % (len(os.fsencode(name)), os.fsencode(name), len(data))
        )  # a folder's may be no UTF-8
        digest.update(data)
    return digest.hexdigest()


def unpack(parcel: Parcel, folder: Path) -> Path:
    """Write the files below `folder`; the path to stage: a lone file itself, else the folder."""
    for name, data in parcel.files:
        target = folder.joinpath(*PurePosixPath(name).parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder / parcel.files[0][0] if len(parcel.files) == 1 else folder


def _copy(part: Part, folder: Path, limits: Limits, notes: list[str]) -> str | None:
    """Copy one part as `submissions.stage` would; the reason, in words, why it was not."""
    taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    left = Limits(files_mib=max(limits.files_mib - (taken >> 20), 0))
    target = folder.joinpath(*PurePosixPath(part.name).parts)
    if ".." in target.parts:
        return "leads outside the submission and was left out"
    if part.path.is_symlink():
        return "is a link and was left out"
    if part.path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return copy_folder(part.path, target, left, notes, None)
    if target.exists():
        return "was handed in twice; the first was taken"
    target.parent.mkdir(parents=True, exist_ok=True)
    problem = copy_file(part.path, target, left.files_mib << 20)
    if problem is not None and target.is_file():
        target.unlink()
    return problem
