"""Folders of git clones: from GitHub Classroom, Classroom 50, or anywhere.

Classroom's `<assignment>-submissions/<assignment>-<user>`; Classroom 50's
`<classroom>-<assignment>_submissions_<time>/<classroom>-<assignment>-<username>` with `scores.csv` next to them. git
itself is never run here: the configuration of a student's repository can make it run anything.
"""

import csv
import re
from collections import Counter
from pathlib import Path

from grader.plugin import Collected, Member, Part, Skipped, Upload

from . import gradescope, moodle
from .listing import look_into, normalized, root

_DOWNLOAD = re.compile(r"(?P<prefix>.+?)[-_]submissions(?:_[0-9]{4}(?:_[0-9]{2}){2}_T(?:_[0-9]{2}){3})?", re.IGNORECASE)
_SCORES = "scores.csv"
_MAX_BYTES = 20 << 20


def detect(folder: Path, name: str) -> bool:
    """Whether most folders are clones, and no file looks like a submission."""
    return _looks_right(root(folder, _looks_right))


def _looks_right(folder: Path) -> bool:
    listing = look_into(folder)
    if moodle.detect(folder, "") or gradescope.detect(folder, "") or any(_is_code(file) for file in listing.files):
        return False
    has_scores = any(file.name == _SCORES for file in listing.files)
    clones = sum(_is_clone(path, has_scores) for path in listing.folders)
    return 2 * clones > len(listing.folders)


def _is_code(file: Path) -> bool:
    return file.suffix.lower() in (".py", ".ipynb", ".zip")


def _is_clone(path: Path, has_scores: bool) -> bool:
    return (path / ".git").exists() or (has_scores and (path / "result.json").is_file())


def collect(folder: Path, name: str) -> Collected:
    """One upload per folder."""
    inner = root(folder, _looks_right)
    listing = look_into(inner)
    skipped = list(listing.skipped)
    skipped += [Skipped(file.name, "a file, not a clone") for file in listing.files if file.name != _SCORES]
    students = _students(inner / _SCORES) if any(file.name == _SCORES for file in listing.files) else {}
    prefix = _named_prefix([name, inner.name]) or _common_prefix(listing.folders, students)
    uploads = []
    for path in listing.folders:
        warnings = []
        user = normalized(path.name)
        if prefix and path.name.lower().startswith(prefix) and len(path.name) > len(prefix):
            user = normalized(path.name[len(prefix) :])
        elif prefix:
            warnings = [f"its name does not start with {prefix} like the others"]
        if students and user.lower() not in students:
            warnings.append(f"{_SCORES} does not list the user {user}")
        member = students.get(user.lower(), Member(user))
        uploads.append(Upload([member], [Part("", path)], doubts=warnings))
    return Collected(uploads, skipped)


def _named_prefix(names: list[str]) -> str:
    """The prefix before the user name in each folder, if the download's name contains it."""
    for name in names:
        if match := _DOWNLOAD.fullmatch(name):
            return f"{match['prefix'].lower()}-"
    return ""


def _common_prefix(folders: list[Path], students: dict[str, Member]) -> str:
    """The prefix that most folders' names have before a known user name, since `--dir` can give the download any
    name."""
    prefixes = Counter(
        path.name.lower().removesuffix(user)
        for path in folders
        for user in students
        if path.name.lower().endswith(f"-{user}")
    )
    return prefixes.most_common(1)[0][0] if prefixes else ""


def _students(path: Path) -> dict[str, Member]:
    """The users in Classroom 50's summary, in lower case. Its scores and times are not used: students can write
    them."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {row["username"].lower(): _member(row) for row in csv.DictReader(file) if row.get("username")}
    except (OSError, ValueError, csv.Error):
        return {}  # without a readable summary, only names are missing


def _member(row: dict[str, str | None]) -> Member:
    name = " ".join(part for part in ((row.get("first_name") or ""), (row.get("last_name") or "")) if part)
    return Member(row["username"] or "", normalized(name), row.get("email") or "")
