"""What was handed in -> a staged submission: a private, read-only copy in the jail's spool, under caps.

Nothing of a student's is parsed here: files are copied as bytes; archives are unpacked and notebooks converted in
jailed workers, whose answers are checked again before a byte is written.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from grader.intake.archives import CODE_ALONE, unpack_submission
from grader.intake.bundle import Bundle, files_of, held
from grader.intake.conversion import convert
from grader.intake.reading import TOO_MANY, Contents, File, check_name, read_file, read_folder
from grader.intake.rejected import Rejected
from grader.intake.spool import NO_SPACE, hand_over, write_file
from grader.jail.host import Jail
from grader.records.limits import Limits
from grader.records.sanitize import one_line, sanitize

if TYPE_CHECKING:
    from grader.course.contributions import Format  # it imports torch, which a session imports beside its jail's start

_SHOWN = 5
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
            shutil.rmtree(folder, ignore_errors=True)
            raise
        problem = f"it cannot be read: {error.strerror}"
    except BaseException:  # nobody will unstage what was not staged
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
            yield f"`{sanitize(str(found.name), 100)}` {reason}"


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
            raise Rejected(f"the archive {reason}; {CODE_ALONE}") from None
        yield from unpack_submission(archive, folder, jail, limits)
        return
    if suffix not in (".py", *(ending for format_ in formats for ending in format_.suffixes)):
        found = sanitize(file.suffix, 20) or "a file without an ending"
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
    return f"there is no Python file in it; found {names}{left_out}; hand in the exercise's .py file"
