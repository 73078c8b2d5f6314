"""A path -> the uploads in it: unpack, choose a layout, fill in a roster, make every identity unique."""

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
"""The layout of a folder that no other layout takes for its own."""
_KEY = 120


@dataclass(frozen=True)
class Ingest:
    """What was found, and how it was read."""

    layout: str
    found: Collected
    notes: list[str]
    """What unpacking left out."""


@contextlib.contextmanager
def ingested(
    path: Path, course: Course, layout: str | None, pattern: str | None, roster: Path | None, output: Path
) -> Iterator[Ingest]:
    """Read a folder or a download; an archive lies unpacked for as long as this is open. Raises `BadDownload`.

    `output` is where reports go: it may lie in the folder, and is no submission.
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
        yield Ingest(chosen.name, Collected(unique(_without(output, found.uploads)), found.skipped), notes)


def _without(output: Path, uploads: Sequence[Upload]) -> list[Upload]:
    """The uploads but for the reports of an earlier time. Raises `BadDownload` where these lie in somebody's folder."""
    for upload in uploads:
        if any(part.path in output.parents for part in upload.parts):
            raise BadDownload(
                f"{output}: reports would come to lie in the submission of {one_line(upload.members[0].key, _KEY)}; "
                "name another folder with --output"
            )
    return [upload for upload in uploads if all(output not in (p.path, *p.path.parents) for p in upload.parts)]


def unique(uploads: Sequence[Upload]) -> list[Upload]:
    """Identities as text that can be kept and shown, no two uploads' alike unless they are of one student."""
    taken: dict[str, str] = {}  # by the key that is shown: whose it is
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
    """A key as it can be shown, with a number where another one's looks the same."""
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
    """The layout, and the folder that it lays out."""
    if pattern is not None:
        from grader.intake.pattern_layout import layout_by_pattern

        return layout_by_pattern(pattern), folder
    if layout is not None:
        if layout not in course.layouts:
            names = ", ".join(sorted(course.layouts)) or "none"
            raise BadDownload(f"no layout is called '{layout}'; there are: {names}")
        return course.layouts[layout], folder
    name = path.name if path.is_dir() else path.stem
    wrapped = None if path.is_dir() else _lone_folder(folder, course)
    for place in (folder, wrapped) if wrapped is not None else (folder,):
        fitting = [known for known in course.layouts.values() if known.detect(place, name)]
        if len(fitting) > 1:
            names = ", ".join(sorted(known.name for known in fitting))
            raise BadDownload(f"{path.name} looks like several layouts: {names}; choose one with --layout")
        if fitting:
            return fitting[0], place
    if FALLBACK not in course.layouts:
        raise BadDownload(
            f"no plugin of the course knows the layout of {path.name}, nor is there one called '{FALLBACK}'"
        )
    return course.layouts[FALLBACK], wrapped or folder


def _lone_folder(folder: Path, course: Course) -> Path | None:
    """Where an archive holds one folder and nothing else, what is in it is the class; unless it is a submission."""
    entries = list(folder.iterdir())
    if len(entries) != 1 or not entries[0].is_dir():
        return None
    modules = [entries[0] / f"{exercise.id}.py" for exercise in course.exercises]
    return None if any(module.exists() for module in modules) else entries[0]
