"""`--pattern REGEX`: a custom layout, described by a regular expression with named groups."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from grader.course.layouts import BadDownload, Collected, Layout, Member, Part, Skipped, Upload
from grader.intake.reading import is_ignored, list_folder
from grader.intake.rejected import Rejected

_GROUPS = ("student", "file", "name", "email", "late", "when")
_MAX_DEPTH = 32
_EXAMPLE = r"--pattern '(?P<student>[^/]+)/(?P<file>.+)'"


class _Match(NamedTuple):
    """A file that matched: its path, the named groups, and its name in the submission."""

    path: Path
    groups: dict[str, str]
    name: str


def layout_by_pattern(regex: str) -> Layout:
    """A layout that matches `regex` from the start of each file's path in the download, with `/` between folders.

    The group `student` is who handed the file in; `file` is its name in the submission (default: what follows a match
    that ends in `/`, else the file's own name); `name` and `email` are the student's; `late` marks a late submission
    where it matches something; `when` is a time in ISO 8601. Files of one student and time form one submission. Raises
    `BadDownload` for an invalid expression.
    """
    try:
        compiled = re.compile(regex)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadDownload(f"--pattern: not a regular expression: {error}; for example {_EXAMPLE}") from None
    if "student" not in compiled.groupindex:
        raise BadDownload(f"--pattern: the group (?P<student>...) is missing; for example {_EXAMPLE}")
    for group in compiled.groupindex:
        if group not in _GROUPS:
            raise BadDownload(f"--pattern: unknown group '{group}'; available: {', '.join(_GROUPS)}")
    return Layout("pattern", lambda folder, name: False, lambda folder, name: _collect(compiled, folder, name))


def _collect(pattern: re.Pattern[str], folder: Path, name: str) -> Collected:
    skipped: list[Skipped] = []
    found: dict[tuple[str, str], list[_Match]] = {}
    unmatched = []
    for path in _files(folder):
        if isinstance(path, Skipped):
            skipped.append(path)
            continue
        relative = path.relative_to(folder).as_posix()
        match = pattern.match(relative)
        if match is None:
            unmatched.append(relative)
            continue
        groups = {key: value for key, value in match.groupdict().items() if value is not None}
        file = groups.get("file") or (relative[match.end() :] if match[0].endswith("/") else path.name)
        try:
            _check(groups, file)
        except Rejected as reason:
            skipped.append(Skipped(relative, str(reason)))
            continue
        key = unicodedata.normalize("NFC", groups["student"]), groups.get("when", "")
        found.setdefault(key, []).append(_Match(path, groups, file))
    if unmatched and not found:
        raise BadDownload(
            f"{name}: --pattern '{pattern.pattern}' matches none of its {len(unmatched)} files, such as "
            f"'{unmatched[0]}'; it has to match from the start of the path"
        )
    skipped += [Skipped(relative, "--pattern does not match it") for relative in unmatched]
    return Collected([_upload(student, when, files) for (student, when), files in found.items()], skipped)


def _check(groups: dict[str, str], file: str) -> None:
    """Raises `Rejected` for a match without a student, or with an impossible file name."""
    if not groups.get("student", "").strip():
        raise Rejected("--pattern finds no student in its path")
    parts = file.split("/")
    if any(not part.strip(". ") or "\\" in part for part in parts):
        raise Rejected("--pattern yields no valid file name for it")


def _upload(student: str, when: str, files: list[_Match]) -> Upload:
    warnings = []
    parts: dict[str, Path] = {}
    for file in files:
        if file.name in parts:
            warnings.append(
                f"{file.name} was handed in twice: {parts[file.name].name} counts, {file.path.name} is left out"
            )
        parts.setdefault(file.name, file.path)
    names, emails = ({file.groups[key]: 0 for file in files if file.groups.get(key)} for key in ("name", "email"))
    if len(names) > 1:
        warnings.append(f"its files carry several names: {', '.join(names)}")
    time = _iso(when)
    if when and time is None:
        warnings.append(f"'{when}' is not an ISO 8601 time")
    member = Member(student, next(iter(names), ""), next(iter(emails), ""))
    late = any(file.groups.get("late") for file in files)
    return Upload([member], [Part(name, path) for name, path in parts.items()], when=time, late=late, doubts=warnings)


def _iso(text: str) -> str | None:
    try:
        return datetime.fromisoformat(text.strip()).isoformat()
    except ValueError:
        return None


def _files(folder: Path) -> Iterator[Path | Skipped]:
    """The regular files of a download in order, without the ignored ones; what is skipped comes with the reason."""
    waiting = [(folder, 0)]
    while waiting:
        directory, depth = waiting.pop()
        try:
            entries = list_folder(directory)
        except OSError as error:
            yield Skipped(_shown(directory, folder), f"cannot be list_folder: {error.strerror}")
            continue
        deeper = []
        for entry in entries:
            path = Path(entry.path)
            if is_ignored(entry.name):
                continue
            if entry.name.encode("utf-8", "replace").decode() != entry.name:
                yield Skipped(_shown(path, folder), "its name is not UTF-8; rename it")
            elif entry.is_dir(follow_symlinks=False) and depth < _MAX_DEPTH:
                deeper.append((path, depth + 1))
            elif entry.is_file(follow_symlinks=False):
                yield path
            else:
                why = "a link, or not a regular file" if depth < _MAX_DEPTH else f"more than {_MAX_DEPTH} folders deep"
                yield Skipped(_shown(path, folder), why)
        waiting += reversed(deeper)


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix().encode("utf-8", "replace").decode()
