"""Find the uploads at a path: unpack it, choose a layout, apply a roster, make every identity unique."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grader.course.layouts import BadDownload, Collected, Layout, Member, Upload
from grader.course.loading import Course
from grader.records.sanitize import one_line

FALLBACK = "plain"
"""The layout of a folder that no other layout recognizes."""
_KEY = 120


@dataclass(frozen=True)
class Ingest:
    """The uploads that were found, and the layout they were read by."""

    layout: str
    found: Collected
    notes: list[str]
    """What was left out while unpacking."""


@contextlib.contextmanager
def open_download(
    path: Path, course: Course, layout: str | None, pattern: str | None, roster: Path | None, output: Path
) -> Iterator[Ingest]:
    """Read a folder or a download; an archive stays unpacked while this context is open. Raises `BadDownload`.

    `output` is the report folder: it may be inside the folder, and is not taken for a submission.
    """
    path, output = Path(os.path.realpath(path)), Path(os.path.realpath(output))
    with contextlib.ExitStack() as stack:
        folder, notes = path, []
        if not path.is_dir():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grade-download-")))
            notes = _unpack(path, folder, course)
        chosen, folder = _choose(folder, path, course, layout, pattern)
        found = chosen.collect(folder, path.name if path.is_dir() else path.stem)
        if roster is not None:
            from grader.intake.roster import apply_roster, read_roster

            found = apply_roster(found, read_roster(roster))
        yield Ingest(
            chosen.name, Collected(with_unique_keys(_drop_reports(output, found.uploads)), found.skipped), notes
        )


def _drop_reports(output: Path, uploads: Sequence[Upload]) -> list[Upload]:
    """The uploads without earlier reports. Raises `BadDownload` where the report folder is inside a submission."""
    for upload in uploads:
        if any(part.path in output.parents for part in upload.parts):
            raise BadDownload(
                f"{output}: the report folder is inside the submission of {one_line(upload.members[0].key, _KEY)}; "
                "choose another with --output"
            )
    return [upload for upload in uploads if all(output not in (p.path, *p.path.parents) for p in upload.parts)]


def with_unique_keys(uploads: Sequence[Upload]) -> list[Upload]:
    """The uploads with printable identities; two uploads share one only if they belong to the same student."""
    taken: dict[str, str] = {}  # printable key -> the original key that it stands for
    result = []
    for upload in uploads:
        members = []
        for member in upload.members:
            key = _free_key(member.key, taken)
            taken[key] = member.key
            members.append(Member(key, one_line(member.name, 100), one_line(member.email, 100)))
        result.append(msgspec.structs.replace(upload, members=members, when=upload.when and one_line(upload.when, 40)))
    return result


def _free_key(key: str, taken: Mapping[str, str]) -> str:
    """A printable key, with a number appended where another student's looks the same."""
    shown = one_line(key, _KEY) or "student"
    number = 2
    while taken.get(shown, key) != key:
        shown = f"{one_line(key, _KEY - 4) or 'student'}-{number}"
        number += 1
    return shown


def _unpack(path: Path, folder: Path, course: Course) -> list[str]:
    if path.suffix.lower() != ".zip":
        raise BadDownload(f"{path.name}: expected a folder or a .zip download, found {path.suffix or 'a file'}")
    from grader.intake.archives import unpack_download
    from grader.jail.host import Jail

    with Jail(course.settings.packages) as jail:
        return unpack_download(path, folder, jail)


def _choose(folder: Path, path: Path, course: Course, layout: str | None, pattern: str | None) -> tuple[Layout, Path]:
    """The layout, and the folder to apply it to."""
    if pattern is not None:
        from grader.intake.pattern_layout import layout_by_pattern

        return layout_by_pattern(pattern), folder
    if layout is not None:
        if layout not in course.layouts:
            names = ", ".join(sorted(course.layouts)) or "none"
            raise BadDownload(f"unknown layout '{layout}'; available: {names}")
        return course.layouts[layout], folder
    name = path.name if path.is_dir() else path.stem
    wrapped = None if path.is_dir() else _lone_folder(folder, course)
    for place in (folder, wrapped) if wrapped is not None else (folder,):
        fitting = [known for known in course.layouts.values() if known.detect(place, name)]
        if len(fitting) > 1:
            names = ", ".join(sorted(known.name for known in fitting))
            raise BadDownload(f"{path.name} matches several layouts: {names}; choose one with --layout")
        if fitting:
            return fitting[0], place
    if FALLBACK not in course.layouts:
        raise BadDownload(f"no layout of the course recognizes {path.name}, and the course has no layout '{FALLBACK}'")
    return course.layouts[FALLBACK], wrapped or folder


def _lone_folder(folder: Path, course: Course) -> Path | None:
    """The only folder in an archive, whose contents are then the class; None where that folder is a submission."""
    entries = list(folder.iterdir())
    if len(entries) != 1 or not entries[0].is_dir():
        return None
    modules = [entries[0] / f"{exercise.id}.py" for exercise in course.exercises]
    return None if any(module.exists() for module in modules) else entries[0]
