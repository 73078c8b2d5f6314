"""A path -> a staged submission: a private, read-only copy in the zygote's spool, under caps.

Nothing of a student's is parsed here: files are copied as bytes; archives are unpacked and notebooks converted in
jailed workers, whose answers are checked again before a byte is written.
"""

import itertools
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from grader.intake.conversion import convert
from grader.intake.spool import NO_SPACE, hand_over, write_entries
from grader.jail.handle import WorkerEnded
from grader.jail.host import Jail
from grader.jail.shared import messages
from grader.jail.shared.ignored import IGNORED
from grader.records.limits import Limits
from grader.records.sanitize import one_line, plain

if TYPE_CHECKING:
    from grader.course.hookspecs import Format  # it imports torch, which a slot imports beside its zygote's start

_MAX_ENTRIES = 2000
_MAX_DEPTH = 16
_MAX_RATIO = 100
_SCANNED = 50_000
_UNPACK_SECONDS = 60.0
_SHOWN = 5
_MAKE_ANEW = "make it anew as an ordinary .zip, and open it yourself before you hand it in"
_CODE_ALONE = "hand in the code alone, without data and models"


class Submission(msgspec.Struct, frozen=True):
    """What a student handed in, staged. `problem` says why there is nothing to grade."""

    name: str
    entry: str
    notes: list[str]
    problem: str | None = None


def stage(
    path: Path,
    jail: Jail,
    limits: Limits,
    *,
    without: Path | None = None,
    formats: "Sequence[Format]" = (),
    left_out: Sequence[str] = (),
) -> Submission:
    """Stage a folder, a `.py` file, a file of one of the `formats` or a `.zip` of these.

    `without` is a folder inside it that is not part of it; `left_out` says what was left out of it before. Raises
    OSError where there is no space left.
    """
    path = Path(os.path.realpath(path))  # unlike `Path.resolve`, it takes a link to itself for what it is
    name = one_line(path.stem if path.is_file() and path.suffix else path.name, 100) or "submission"
    folder = jail.new_entry()
    notes = [*left_out]
    try:
        problem = _fill(path, folder, jail, limits, notes, without, formats)
        unreadable = convert(folder, formats, jail, limits, notes) if problem is None else None
        if problem is None and not any(folder.rglob("*.py")):
            problem = unreadable or _nothing_found(folder, notes)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        problem = f"it cannot be read: {error.strerror}"
    hand_over(folder, jail)
    if len(notes) > _SHOWN:
        notes[_SHOWN:] = [f"{len(notes) - _SHOWN} more such notes are not shown"]
    return Submission(name, folder.name, notes, problem)


def unstage(submission: Submission, jail: Jail) -> None:
    """Remove the staged copy."""
    shutil.rmtree(jail.spool / submission.entry, ignore_errors=True)


def _fill(
    path: Path,
    folder: Path,
    jail: Jail,
    limits: Limits,
    notes: list[str],
    without: Path | None,
    formats: "Sequence[Format]",
) -> str | None:
    if path.is_dir():
        return copy_folder(path, folder, limits, notes, without)
    if not path.is_file():
        return "it is neither a folder nor a file"
    if path.suffix.lower() == ".zip":
        return _unpack(path, folder, jail, limits, notes)
    suffix = path.suffix.lower()
    if suffix not in (".py", *(ending for format_ in formats for ending in format_.suffixes)):
        found = plain(path.suffix, 20) or "a file without an ending"
        kinds = "".join(f", a {format_.name} ({', '.join(format_.suffixes)})" for format_ in formats)
        return f"expected a folder, a .py file{kinds} or a .zip archive, found {found}"
    problem = copy_file(path, folder / f"{path.stem}{suffix}", limits.files_mib << 20)
    return None if problem is None else f"`{plain(path.name, 100)}` {problem}; hand in the exercise's .py file"


def copy_folder(path: Path, folder: Path, limits: Limits, notes: list[str], without: Path | None) -> str | None:
    left = limits.files_mib << 20
    excluded = without.resolve() if without else None
    entries = 0
    for source, relative in _walk(path, excluded, notes):
        if entries >= _MAX_ENTRIES:
            notes.append(f"only the first {_MAX_ENTRIES} files were looked at")
            break
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        problem = copy_file(source, target, left)
        if problem is not None:
            notes.append(f"`{plain(str(relative), 100)}` {problem}")
            continue
        left -= target.stat().st_size
        entries += 1
    return None


def _walk(path: Path, excluded: Path | None, notes: list[str]) -> Iterator[tuple[Path, Path]]:
    """The regular files of a folder, shallow ones and Python files first, so that caps cut what matters least."""
    level = [path]
    scanned = 0
    for _ in range(_MAX_DEPTH):
        deeper: list[Path] = []
        files: list[Path] = []
        for directory in level:
            if scanned > _SCANNED:
                break
            try:
                with os.scandir(directory) as listed:
                    entries = list(itertools.islice(listed, _SCANNED + 1 - scanned))
            except OSError as error:
                notes.append(f"`{plain(directory.name, 100)}` cannot be listed: {error.strerror}")
                continue
            scanned += len(entries)
            if scanned > _SCANNED:
                notes.insert(0, f"only the first {_SCANNED} files and folders were looked at")
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith(".") or entry.name in IGNORED:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if Path(entry.path) != excluded:
                        deeper.append(Path(entry.path))
                elif entry.is_symlink():
                    notes.append(f"`{plain(entry.name, 100)}` is a link and was left out")
                else:
                    files.append(Path(entry.path))
        files.sort(key=lambda file: file.suffix != ".py")
        yield from ((file, file.relative_to(path)) for file in files)
        level = deeper
    if level:
        notes.append(f"what lies deeper than {_MAX_DEPTH} folders was not looked at")


def copy_file(source: Path, target: Path, left: int) -> str | None:
    """Copy a regular file of at most `left` bytes; the reason, in words, why it was not.

    Raises OSError where there is no space left.
    """
    try:
        target.name.encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8 and was left out"
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return "is no regular file and was left out"
            if status.st_nlink > 1 and os.geteuid() == 0 and status.st_uid != source.parent.stat().st_uid:
                return "is a link to a file of somebody else and was left out"  # which only root could read
            if Path(f"/proc/self/fd/{descriptor}").readlink() != source:  # a folder above it became a link
                return "was moved while it was read and was left out"
            # by the size first: a sparse file takes seconds to read; it may still grow meanwhile
            data = b"" if status.st_size > left else file.read(left + 1)
        if max(status.st_size, len(data)) > left:
            return "is too large and was left out"
        target.write_bytes(data)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        return f"cannot be read ({error.strerror}) and was left out"
    return None


def _unpack(path: Path, folder: Path, jail: Jail, limits: Limits, notes: list[str]) -> str | None:
    """Let a jailed worker unpack the archive; check and write what it says is in it."""
    upload = jail.new_entry()
    problem = copy_file(path, upload / "upload.zip", limits.files_mib << 20)
    if problem is not None:
        return f"the archive {problem}; {_CODE_ALONE}"
    hand_over(upload, jail)
    worker = jail.spawn(upload.name, limits)
    try:
        request = messages.Unpack("upload.zip", _MAX_ENTRIES, limits.files_mib << 20, _MAX_RATIO, _MAX_DEPTH)
        answer, tensors = worker.ask(request, deadline=time.monotonic() + _UNPACK_SECONDS)
    except WorkerEnded as end:
        return f"the archive could not be unpacked: {end.detail}; {_CODE_ALONE}"
    finally:
        worker.close()
        shutil.rmtree(upload, ignore_errors=True)
    if isinstance(answer, messages.Raised) and answer.out_of_memory:
        return f"the archive could not be unpacked in {limits.memory_mib} MiB of memory; {_CODE_ALONE}"
    if not isinstance(answer, messages.Unpacked):
        return f"the archive is broken; {_MAKE_ANEW}"
    if answer.error is not None:
        return plain(answer.error)
    data = tensors[0].numpy().tobytes()
    notes.extend(plain(note, 200) for note in answer.notes)
    if not write_entries(folder, answer.entries, data, notes, most=_MAX_ENTRIES, depth=_MAX_DEPTH):
        return f"the archive is broken; {_MAKE_ANEW}"
    return None


def _nothing_found(folder: Path, notes: list[str]) -> str:
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    if not found:
        return f"{notes[0] if notes else 'it is empty'}; hand in the exercise's .py file"
    names = ", ".join(f"`{plain(name, 60)}`" for name in found[:_SHOWN])
    left_out = f"; {notes[0]}" if notes else ""
    return f"there is no Python file in it; found {names}{left_out}; hand in the exercise's .py file"
