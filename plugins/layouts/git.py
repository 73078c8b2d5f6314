"""Clones of git repositories, one folder each: of GitHub Classroom, of Classroom 50, or a folder of any.

Classroom's `<assignment>-submissions/<assignment>-<user>`; Classroom 50's
`<classroom>-<assignment>_submissions_<time>/<classroom>-<assignment>-<username>` with `scores.csv` beside them. git
itself is never run here: the configuration of a student's repository can have it run anything.
"""

import csv
import re
from pathlib import Path

from grader import Collected, Member, Part, Skipped, Upload

from . import gradescope, moodle
from .listing import look_into, root, same_text

_DOWNLOAD = re.compile(r"(?P<prefix>.+?)[-_]submissions(?:_[0-9]{4}(?:_[0-9]{2}){2}_T(?:_[0-9]{2}){3})?", re.IGNORECASE)
_SCORES = "scores.csv"
_MAX_BYTES = 20 << 20


def detect(folder: Path, name: str) -> bool:
    """Whether most folders are clones, and no file is anybody's submission."""
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
    skipped += [Skipped(file.name, "a file beside the clones") for file in listing.files if file.name != _SCORES]
    students = _students(inner / _SCORES) if any(file.name == _SCORES for file in listing.files) else {}
    prefix = _prefix([name, inner.name])
    uploads = []
    for path in listing.folders:
        known = [student for student in students.values() if path.name.lower().endswith(f"-{student.key.lower()}")]
        if known:
            member = max(known, key=lambda student: len(student.key))
        else:
            has_prefix = prefix and path.name.lower().startswith(prefix) and len(path.name) > len(prefix)
            member = Member(same_text(path.name[len(prefix) :] if has_prefix else path.name))
        uploads.append(Upload([member], [Part("", path)], doubts=_doubts(path, prefix, students, bool(known))))
    return Collected(uploads, skipped)


def _prefix(names: list[str]) -> str:
    """What stands before the user in each folder, where the download's name tells it."""
    for name in names:
        if match := _DOWNLOAD.fullmatch(name):
            return f"{match['prefix'].lower()}-"
    return ""


def _students(path: Path) -> dict[str, Member]:
    """The users of Classroom 50's summary by name; its other columns come from files that students can write to."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {row["username"]: _member(row) for row in csv.DictReader(file) if row.get("username")}
    except (OSError, ValueError, csv.Error):
        return {}  # a summary that cannot be read costs names, no submission


def _member(row: dict[str, str | None]) -> Member:
    name = " ".join(part for part in ((row.get("first_name") or ""), (row.get("last_name") or "")) if part)
    return Member(row["username"] or "", same_text(name), row.get("email") or "")


def _doubts(path: Path, prefix: str, students: dict[str, Member], is_known: bool) -> list[str]:
    if students and not is_known:
        return [f"{_SCORES} names no such user"]
    if prefix and not path.name.lower().startswith(prefix):
        return [f"its name does not start with {prefix}, as the download's name says"]
    return []
