"""Blackboard Learn (original), "Assignment File Download": a flat archive of
`<assignment>_<username>_attempt_<YYYY-MM-DD-HH-MM-SS>_<file>`, and a receipt `.txt` of the same prefix per attempt.

Titles may contain spaces and underscores: the user name is the field before `_attempt_`. Receipts contain text by
students and are not read.
"""

import re
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from grader.plugin import Collected, Member, Part, Skipped, Upload

from .listing import look_into, most, root, usable

_NAME = re.compile(
    r"(?:.*?_)?(?P<user>[^_]+)_attempt_(?P<when>[0-9]{4}(?:-[0-9]{2}){5})(?:_(?P<file>.+)|(?P<receipt>\.txt))",
    re.DOTALL,
)


class Entry(NamedTuple):
    """The parts of a file's name; `file` is empty for a receipt. Times are local, without a zone."""

    user: str
    when: str
    file: str


def parse(entry: str) -> Entry | None:
    """Parse a file's name; None if it is not part of an attempt."""
    match = _NAME.fullmatch(entry)
    if match is None or not (match["receipt"] or usable(match["file"])):
        return None
    try:
        when = datetime.strptime(match["when"], "%Y-%m-%d-%H-%M-%S").isoformat()
    except ValueError:
        return None
    return Entry(match["user"], when, match["file"] or "")


def detect(folder: Path, name: str) -> bool:
    """Whether most entries have Blackboard's `_attempt_` with a time."""
    return _looks_right(root(folder, _looks_right))


def _looks_right(folder: Path) -> bool:
    return most(look_into(folder).all, parse)


def collect(folder: Path, name: str) -> Collected:
    """One upload per attempt, the newest of a student first."""
    listing = look_into(root(folder, _looks_right))
    skipped = list(listing.skipped)
    attempts: dict[str, dict[str, list[Part]]] = defaultdict(lambda: defaultdict(list))
    for path in listing.all:
        entry = parse(path.name)
        if entry is None:
            skipped.append(Skipped(path.name, "not named like a Blackboard attempt, so its owner is unknown"))
        else:
            attempts[entry.user][entry.when] += [Part(entry.file, path)] if entry.file else []
    uploads = []
    for user, by_time in attempts.items():
        times = sorted(by_time, reverse=True)
        for when in times:
            if by_time[when]:
                earlier = [f"an earlier attempt: the newest one is from {times[0]}"] if when != times[0] else []
                uploads.append(Upload([Member(user)], by_time[when], when=when, doubts=earlier))
            else:
                skipped.append(Skipped(f"{user}, attempt of {when}", "a receipt without files: nothing was attached"))
    return Collected(uploads, skipped)
