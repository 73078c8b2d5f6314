"""What was handed in -> a staged submission: a private, read-only copy in the jail's spool, under caps.

Nothing of a student's is parsed here: files are copied as bytes; archives are unpacked and notebooks converted in
jailed workers, whose answers are checked again before a byte is written.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from grader.intake.bundle import Bundle, files_of, held
from grader.intake.conversion import convert
from grader.intake.reading import MAX_DEPTH, MAX_ENTRIES, TOO_MANY, Contents, File, check_name, read_file, read_folder
from grader.intake.rejected import Rejected
from grader.intake.spool import NO_SPACE, hand_over, write_entries, write_file
from grader.jail.handle import WorkerEnded
from grader.jail.host import Jail
from grader.jail.shared import messages
from grader.records.limits import Limits
from grader.records.sanitize import one_line, plain

if TYPE_CHECKING:
    from grader.course.hookspecs import Format  # it imports torch, which a slot imports beside its jail's start

_MAX_RATIO = 100
_UNPACK_SECONDS = 60.0
_SHOWN = 5
_MAKE_ANEW = "make it anew as an ordinary .zip, and open it yourself before you hand it in"
_CODE_ALONE = "hand in the code alone, without data and models"
_BUNDLED = "submission"
"""What a submission is called that comes as a bundle, which has no name."""


class Submission(msgspec.Struct, frozen=True):
    """What a student handed in, staged. `problem` says why there is nothing to grade."""

    name: str
    entry: str
    notes: list[str]
    problem: str | None = None


def stage(
    source: Path | Bundle,
    jail: Jail,
    limits: Limits,
    *,
    without: Path | None = None,
    formats: "Sequence[Format]" = (),
    left_out: Sequence[str] = (),
) -> Submission:
    """Stage a folder, a `.py` file, a file of one of the `formats` or a `.zip` of these; a bundle as what is in it.

    `without` is a folder inside it that is not part of it; `left_out` says what was left out of it before, besides what
    a bundle tells itself. Raises OSError where there is no space left.
    """
    notes = [*left_out]
    name = _BUNDLED
    if isinstance(source, Bundle):
        notes += source.notes
    else:
        source = Path(os.path.realpath(source))  # unlike `Path.resolve`, it takes a link to itself for what it is
        name = one_line(source.stem if source.is_file() and source.suffix else source.name, 100) or "submission"
    folder = jail.new_entry()
    problem = None
    try:
        for note in _fill(folder, source, jail, limits, without, formats):
            notes.insert(0 if note == TOO_MANY else len(notes), note)
        conversion = convert(folder, formats, jail, limits)
        notes += conversion.notes
        if not any(folder.rglob("*.py")):
            raise Rejected(conversion.unreadable[0] if conversion.unreadable else _nothing_found(folder, notes))
    except Rejected as reason:
        problem = str(reason)
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
    folder: Path,
    source: Path | Bundle,
    jail: Jail,
    limits: Limits,
    without: Path | None,
    formats: "Sequence[Format]",
) -> Iterator[str]:
    """Write what was handed in to `folder`; notes on what was left out, one at a time. Raises `Rejected`."""
    most = limits.files_mib << 20
    if isinstance(source, Bundle) and len(source.files) != 1:
        return _write(folder, files_of(source, most))
    if isinstance(source, Bundle):
        [(name, data)] = source.files
        return _fill_with_file(folder, PurePosixPath(name), partial(held, data), jail, limits, formats)
    if source.is_dir():
        return _write(folder, read_folder(source, most, without))
    if not source.is_file():
        raise Rejected("it is neither a folder nor a file")
    return _fill_with_file(folder, source, partial(read_file, source), jail, limits, formats)


def _write(folder: Path, files: Iterable[File | str]) -> Iterator[str]:
    """Write the files; the notes among them, and on those that cannot be written."""
    for found in files:
        if isinstance(found, str):
            yield found
            continue
        try:
            write_file(folder, found.name, found.contents.data)
        except Rejected as reason:
            yield f"`{plain(str(found.name), 100)}` {reason}"


def _fill_with_file(
    folder: Path,
    file: PurePath,
    read: Callable[[int], Contents],
    jail: Jail,
    limits: Limits,
    formats: "Sequence[Format]",
) -> Iterator[str]:
    """Write a lone file, or what is in an archive. Raises `Rejected`."""
    suffix = file.suffix.lower()
    most = limits.files_mib << 20
    if suffix == ".zip":
        try:
            archive = read(most).data
        except Rejected as reason:
            raise Rejected(f"the archive {reason}; {_CODE_ALONE}") from None
        yield from _unpack(archive, folder, jail, limits)
        return
    if suffix not in (".py", *(ending for format_ in formats for ending in format_.suffixes)):
        found = plain(file.suffix, 20) or "a file without an ending"
        kinds = "".join(f", a {format_.name} ({', '.join(format_.suffixes)})" for format_ in formats)
        raise Rejected(f"expected a folder, a .py file{kinds} or a .zip archive, found {found}")
    name = PurePath(f"{file.stem}{suffix}")
    try:
        check_name(name.name)
        write_file(folder, name, read(most).data)
    except Rejected as reason:
        raise Rejected(f"`{plain(file.name, 100)}` {reason}; hand in the exercise's .py file") from None


def _unpack(archive: bytes, folder: Path, jail: Jail, limits: Limits) -> Iterator[str]:
    """Write what a jailed worker says is in the archive; its notes, one at a time. Raises `Rejected`."""
    upload = jail.new_entry()
    try:
        (upload / "upload.zip").write_bytes(archive)
        hand_over(upload, jail)
        answer, data = _ask(upload, jail, limits)
    finally:
        shutil.rmtree(upload, ignore_errors=True)
    yield from (plain(note, 200) for note in answer.notes)
    try:
        yield from write_entries(folder, answer.entries, data, most=MAX_ENTRIES, depth=MAX_DEPTH)
    except Rejected as reason:
        raise Rejected(f"{reason}; {_MAKE_ANEW}") from None


def _ask(upload: Path, jail: Jail, limits: Limits) -> tuple[messages.Unpacked, bytes]:
    """What a worker says is in the archive `upload.zip`, and the bytes. Raises `Rejected`."""
    worker = jail.spawn(upload.name, limits)
    try:
        request = messages.Unpack("upload.zip", MAX_ENTRIES, limits.files_mib << 20, _MAX_RATIO, MAX_DEPTH)
        answer, tensors = worker.ask(request, deadline=time.monotonic() + _UNPACK_SECONDS)
    except WorkerEnded as end:
        raise Rejected(f"the archive could not be unpacked: {end.detail}; {_CODE_ALONE}") from None
    finally:
        worker.close()
    if isinstance(answer, messages.Raised) and answer.out_of_memory:
        raise Rejected(f"the archive could not be unpacked in {limits.memory_mib} MiB of memory; {_CODE_ALONE}")
    if not isinstance(answer, messages.Unpacked):
        raise Rejected(f"the archive is broken; {_MAKE_ANEW}")
    if answer.error is not None:
        raise Rejected(plain(answer.error))
    return answer, tensors[0].numpy().tobytes()


def _nothing_found(folder: Path, notes: list[str]) -> str:
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    if not found:
        return f"{notes[0] if notes else 'it is empty'}; hand in the exercise's .py file"
    names = ", ".join(f"`{plain(name, 60)}`" for name in found[:_SHOWN])
    left_out = f"; {notes[0]}" if notes else ""
    return f"there is no Python file in it; found {names}{left_out}; hand in the exercise's .py file"
