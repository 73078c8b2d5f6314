"""Stage a submission: make a private, read-only copy in the jail's spool, under size limits.

Student files are never parsed here: they are copied as bytes; archives are unpacked and notebooks converted in jailed
workers, whose answers are checked again before a byte is written.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from grader.intake.archives import CODE_ONLY, unpack_submission
from grader.intake.bundle import Bundle, bundle_files, from_memory
from grader.intake.conversion import convert
from grader.intake.reading import TOO_MANY, Contents, File, check_name, read_file, read_folder
from grader.intake.rejected import Rejected
from grader.intake.spool import NO_SPACE, hand_over, write_file
from grader.jail.host import Jail
from grader.records.limits import Limits
from grader.records.sanitize import one_line, sanitize

if TYPE_CHECKING:
    from grader.course.contributions import Format  # imports torch, which must wait until the fork server was started

_SHOWN = 5
_BUNDLED = "submission"
"""The name of a submission that comes as a bundle, which has none."""


class Submission(msgspec.Struct, frozen=True):
    """A staged submission. `problem` says why it cannot be graded, if it cannot."""

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
    """Stage a folder, a `.py` file, a file of one of the `formats`, a `.zip` of these, or a bundle of any of them.

    `without` is a folder inside it that is not part of the submission; `left_out` are notes on what was left out
    earlier, in addition to a bundle's own. Raises OSError where the disk is full.
    """
    notes = [*left_out]
    name = _BUNDLED
    if isinstance(source, Bundle):
        notes += source.notes
    else:
        source = Path(os.path.realpath(source))  # unlike `Path.resolve`, it does not raise on a link to itself
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
            shutil.rmtree(folder, ignore_errors=True)
            raise
        problem = f"it cannot be read: {error.strerror}"
    except BaseException:  # the caller gets no submission that it could unstage
        shutil.rmtree(folder, ignore_errors=True)
        raise
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
    """Write the submission to `folder`; yield notes on what was left out. Raises `Rejected`."""
    most = limits.files_mib << 20
    if isinstance(source, Bundle) and len(source.files) != 1:
        return _write(folder, bundle_files(source, most))
    if isinstance(source, Bundle):
        [(name, data)] = source.files
        return _fill_with_file(folder, PurePosixPath(name), partial(from_memory, data), jail, limits, formats)
    if source.is_dir():
        return _write(folder, read_folder(source, most, without))
    if not source.is_file():
        raise Rejected("it is neither a folder nor a file")
    return _fill_with_file(folder, source, partial(read_file, source), jail, limits, formats)


def _write(folder: Path, files: Iterable[File | str]) -> Iterator[str]:
    """Write the files; yield the notes among them, and one for each file that cannot be written."""
    for found in files:
        if isinstance(found, str):
            yield found
            continue
        try:
            write_file(folder, found.name, found.contents.data)
        except Rejected as reason:
            yield f"`{sanitize(str(found.name), 100)}` {reason}"


def _fill_with_file(
    folder: Path,
    file: PurePath,
    read: Callable[[int], Contents],
    jail: Jail,
    limits: Limits,
    formats: "Sequence[Format]",
) -> Iterator[str]:
    """Write a single file, or the contents of an archive; yield notes. Raises `Rejected`."""
    suffix = file.suffix.lower()
    most = limits.files_mib << 20
    if suffix == ".zip":
        try:
            archive = read(most).data
        except Rejected as reason:
            raise Rejected(f"the archive {reason}; {CODE_ONLY}") from None
        yield from unpack_submission(archive, folder, jail, limits)
        return
    if suffix not in (".py", *(ending for format_ in formats for ending in format_.suffixes)):
        found = sanitize(file.suffix, 20) or "a file without an extension"
        kinds = "".join(f", a {format_.name} ({', '.join(format_.suffixes)})" for format_ in formats)
        raise Rejected(f"expected a folder, a .py file{kinds} or a .zip archive, found {found}")
    name = PurePath(f"{file.stem}{suffix}")
    try:
        check_name(name.name)
        write_file(folder, name, read(most).data)
    except Rejected as reason:
        raise Rejected(f"`{sanitize(file.name, 100)}` {reason}; hand in the exercise's .py file") from None


def _nothing_found(folder: Path, notes: list[str]) -> str:
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    if not found:
        return f"{notes[0] if notes else 'it is empty'}; hand in the exercise's .py file"
    names = ", ".join(f"`{sanitize(name, 60)}`" for name in found[:_SHOWN])
    left_out = f"; {notes[0]}" if notes else ""
    return f"it contains no Python file; found {names}{left_out}; hand in the exercise's .py file"
