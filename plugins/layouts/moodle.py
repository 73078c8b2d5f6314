"""Moodle, "Download all submissions": a folder per student, or all files in one folder, depending on the settings.

`<Full name>_<participant id>_assignsubmission_file`, with a trailing underscore before 4.1, or the same with
`_<original name>`. Underscores in names become spaces, so the field before `_assignsubmission_` is the id. Teams
have a group's name and id; Moodle's default group has no id.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from grader.plugin import Collected, Member, Part, Skipped, Upload

from .listing import look_into, most, normalized, root, usable

_NAME = re.compile(
    r"(?P<name>.*?)(?:_(?P<id>[0-9]+))?_assign(?P<type>submission|feedback)_(?P<plugin>[a-z][a-z0-9]*)"
    r"(?:_(?P<file>.*))?",
    re.DOTALL,
)
_WHY = {"onlinetext": "an online text: there is no file to grade", "comments": "comments: there is no file to grade"}


class Entry(NamedTuple):
    """The parts of a name. `key` is empty for the default group."""

    key: str
    name: str
    type: str
    plugin: str
    file: str


def parse(entry: str) -> Entry | None:
    """Parse the name of a folder or file; None if it is not part of a submission."""
    match = _NAME.fullmatch(entry)
    if match is None or not (match["name"] or match["id"]):
        return None
    return Entry(match["id"] or "", normalized(match["name"]), match["type"], match["plugin"], match["file"] or "")


def detect(folder: Path, name: str) -> bool:
    """Whether most entries have Moodle's `_assignsubmission_`."""
    return _looks_right(root(folder, _looks_right))


def _looks_right(folder: Path) -> bool:
    return most(look_into(folder).all, parse)


def collect(folder: Path, name: str) -> Collected:
    """One upload per participant or group."""
    listing = look_into(root(folder, _looks_right))
    skipped = list(listing.skipped)
    found: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for path in listing.all:
        entry = parse(path.name)
        if entry is None:
            skipped.append(Skipped(path.name, "not named like a Moodle submission, so its owner is unknown"))
        elif why := _why_not(entry, path in listing.folders):
            skipped.append(Skipped(path.name, why))
        else:
            found[entry.key, entry.name].append(Part("" if path in listing.folders else entry.file, path))
    names = {name for _, name in found}
    is_blind = len(names) == 1 < len(found)  # blind marking: all are called Participant, in the site's language
    uploads = []
    for (key, name), parts in found.items():
        shown = f"{name} {key}" if is_blind else name
        warnings = [] if key else ["it has no id: it is from Moodle's default group, for students in no group"]
        uploads.append(Upload([Member(key or name, shown)], parts, doubts=warnings))
    return Collected(uploads, skipped)


def _why_not(entry: Entry, is_folder: bool) -> str | None:
    if entry.type == "feedback":
        return "feedback from a teacher, not a submission"
    if entry.plugin != "file":
        return _WHY.get(entry.plugin, f"submitted with {entry.plugin}: there is no file to grade")
    if not is_folder and not usable(entry.file):
        return "the name of its file is missing or unsafe"
    return None
