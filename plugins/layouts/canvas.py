"""Canvas, "Download Submissions": a flat archive of `<name>[_LATE]_<user id>_<attachment id>_<file>`.

The name is the sortable one in lower case, with word characters only; the ids identify the student. With anonymous
grading, `anon_<anonymous id>` replaces name and user id, with the late marker before or after `anon`.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from grader.plugin import Collected, Member, Part, Skipped, Upload

from . import blackboard, moodle
from .listing import look_into, most, normalized, root, usable

_WORD = r"[^\s!-/:-@\[-^`{-~]*?"
"""The characters that Canvas keeps in a name: letters of any script with their marks, digits, underscores."""
_WHO = (
    r"(?:(?P<late1>late_)?anon_(?P<late2>late_)?(?P<anonymous>[A-Za-z0-9]+?)(?P<late3>_late)?"
    rf"|(?P<name>{_WORD})(?:_(?P<late>late))?_(?P<user>[0-9]+))"
)
_ATTACHMENT = re.compile(rf"{_WHO}_(?P<attachment>[0-9]+)_(?P<file>.+)", re.IGNORECASE | re.DOTALL)
_ENTRY = re.compile(rf"{_WHO}_(?P<kind>text|link)(?:-[0-9]+)?\.html", re.IGNORECASE)
_RESUBMITTED = re.compile(
    r"(?P<stem>.+?)-(?:[1-9][0-9]{0,2}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"(?P<ending>(?:(?:\.[A-Za-z][A-Za-z0-9]*)*\.[A-Za-z0-9]+)?)",
    re.DOTALL,
)
"""A file that Canvas renamed because the student has used its name before."""
_WHY = {"text": "a text entry: there is no file to grade", "link": "a link: there is no file to grade"}


class Attachment(NamedTuple):
    """The parts of an attachment's name."""

    key: str
    name: str
    late: bool
    number: int
    file: str


def parse(entry: str) -> Attachment | None:
    """Parse an attachment's name; None if it is not one."""
    match = _ATTACHMENT.fullmatch(entry)
    if match is None or moodle.parse(entry) or blackboard.parse(entry):
        return None
    file = match["file"]
    if not usable(file):
        return None
    if match["anonymous"]:
        is_late = any(match.group("late1", "late2", "late3"))
        return Attachment(f"anon_{match['anonymous']}", "", is_late, int(match["attachment"]), file)
    return Attachment(match["user"], match["name"], match["late"] is not None, int(match["attachment"]), file)


def detect(folder: Path, name: str) -> bool:
    """Whether most entries have names like those of Canvas."""
    return _looks_right(root(folder, _looks_right))


def _looks_right(folder: Path) -> bool:
    entries = look_into(folder).all
    numbers = [parsed.number for entry in entries if (parsed := parse(entry.name))]
    # attachment ids are unique: `lab_1_2_ada.py`, `lab_1_2_bob.py` are not from Canvas
    return bool(numbers) and len(set(numbers)) == len(numbers) and most(entries, _is_known)


def _is_known(entry: str) -> bool:
    return parse(entry) is not None or _ENTRY.fullmatch(entry) is not None


def collect(folder: Path, name: str) -> Collected:
    """One upload per user id: all attachments of the submission, under their original names."""
    listing = look_into(root(folder, _looks_right))
    skipped = list(listing.skipped)
    found: dict[str, dict[str, list[tuple[Attachment, Path]]]] = defaultdict(lambda: defaultdict(list))
    for path in listing.all:
        parsed = parse(path.name)
        if parsed is not None:
            found[parsed.key][normalized(parsed.name)].append((parsed, path))
        elif entry := _ENTRY.fullmatch(path.name):
            skipped.append(Skipped(path.name, _WHY[entry["kind"].lower()]))
        else:
            skipped.append(Skipped(path.name, "not named like a Canvas attachment, so its owner is unknown"))
    uploads = []
    for key, by_name in found.items():
        for name, attachments in by_name.items():
            parts, warnings = _restored(attachments)
            if len(by_name) > 1:  # never merged: students can choose a name that looks like another student's number
                names = ", ".join(sorted(by_name))
                warnings.append(f"files of user {key} have several names: {names}; check whose they are")
            is_late = any(attachment.late for attachment, _ in attachments)
            uploads.append(Upload([Member(key, name)], parts, late=is_late, doubts=warnings))
    return Collected(uploads, skipped)


def _restored(attachments: list[tuple[Attachment, Path]]) -> tuple[list[Part], list[str]]:
    """The parts under their original names; of two with the same name, the newest keeps it."""
    warnings = []
    by_name = defaultdict(list)
    for attachment, path in sorted(attachments, key=lambda pair: pair[0].number):
        by_name[_original_name(attachment.file)].append((attachment, path))
        if other := re.match(r"([0-9]+)_", attachment.file):
            warnings.append(
                f"{path.name}: could also be attachment {other[1]} of user {attachment.number}, "
                f"if that name ends in _{attachment.key}"
            )
    parts = []
    for name, claims in by_name.items():
        newest, path = claims[-1]
        parts.append(Part(name, path))
        for older, older_path in claims[:-1]:
            taken = older.file in by_name or any(part.name == older.file for part in parts)
            kept = "left out" if taken else f"kept as {older.file}"
            if not taken:
                parts.append(Part(older.file, older_path))
            warnings.append(f"{name} was submitted twice: attachment {newest.number} counts, {older.number} is {kept}")
    return parts, warnings


def _original_name(file: str) -> str:
    """The name without the suffix that Canvas adds to a file that is submitted again."""
    match = _RESUBMITTED.fullmatch(file)
    return f"{match['stem']}{match['ending']}" if match and usable(match["stem"]) else file
