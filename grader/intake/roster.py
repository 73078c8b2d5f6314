"""`--roster CSV`: who is in the class. It adds names to the uploads and shows who handed in nothing."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader.course.layouts import BadDownload, Collected, Member, Skipped, Upload

_MAX_BYTES = 20 << 20
_KEYS = (
    "id",
    "key",
    "user id",
    "student id",
    "student number",
    "identifier",
    "roster identifier",
    "sid",
    "sis id",
    "sis user id",
    "sis login id",
    "login",
    "login id",
    "user",
    "username",
    "github username",
    "student",
    "submission",
)
"""Headers of columns that identify a student. A roster may have several, as downloads use different ones."""
_NAMES = ("name", "full name", "display name", "student name")
_FIRST = ("first name", "given name", "first")
_LAST = ("last name", "surname", "family name", "last")
_EMAILS = ("email", "e mail", "email address", "mail")
_NUMBERED = re.compile(r"[^\W\d_][^\d]*\s(?P<number>[0-9]+)")
"""Moodle's identifier in a grading worksheet, in any language: `Participant 1234`. The download uses the number."""


class _Columns(NamedTuple):
    """The column numbers of a row's fields."""

    keys: list[int]
    name: int | None
    first: int | None
    last: int | None
    email: int | None


def read_roster(path: Path) -> dict[str, Member]:
    """Each student by each of their ids; `Member.key` is the first id. Raises `BadDownload`, naming the line."""
    where = path.name
    rows = _rows(_text(path), where)
    header = next(rows, (1, []))[1]
    columns = _columns(header, where)
    roster: dict[str, Member] = {}
    first_seen: dict[str, tuple[int, int]] = {}
    for line, row in rows:
        if not any(row):
            continue
        if len(row) > len(header) and any(row[len(header) :]):
            raise BadDownload(
                f"{where}, line {line}: it has {len(row)} fields, the header has {len(header)}; "
                "quote a field that contains a comma"
            )
        row += [""] * (len(header) - len(row))
        member = _member(row, columns)
        keys = {key: column for column in reversed(columns.keys) for key in _ids(row[column])}
        if not keys and member.name.lower() in ("", "points possible"):
            continue  # Canvas's gradebook has such lines, which are not students
        if not keys:
            named = ", ".join(f"'{header[column]}'" for column in columns.keys)
            raise BadDownload(f"{where}, line {line}: '{member.name}' has no id; fill in {named}")
        for key, column in keys.items():
            if key in roster:
                raise BadDownload(_duplicate_message(where, line, key, header, column, *first_seen[key]))
            roster[key] = member
            first_seen[key] = line, column
    if not roster:
        raise BadDownload(f"{where}: it lists nobody; it needs a line for each student below the header")
    return roster


def apply_roster(collected: Collected, roster: dict[str, Member]) -> Collected:
    """Add the roster's names and addresses to the uploads, and list who handed in nothing among the skipped."""
    seen: set[str] = set()
    find = _RosterLookup(roster)
    uploads = []
    for upload in collected.uploads:
        members, warnings = [], list(upload.doubts)
        for member in upload.members:
            known = find(member.key)
            if known is None:
                warnings.append(f"{member.key} is not in the roster")
                members.append(member)
            else:
                seen.add(known.key)
                members.append(Member(member.key, known.name or member.name, known.email or member.email))
        uploads.append(Upload(members, upload.parts, upload.when, upload.late, warnings))
    missing = {member.key: member for member in roster.values() if member.key not in seen}
    absent = [
        Skipped(f"{member.key} ({member.name})" if member.name else member.key, "nothing was handed in")
        for member in missing.values()
    ]
    return msgspec.structs.replace(collected, uploads=uploads, skipped=[*collected.skipped, *absent])


class _RosterLookup:
    """Finds a student by id, else by id ignoring case, else by e-mail address, where it belongs to one student only."""

    def __init__(self, roster: dict[str, Member]) -> None:
        self.exact = roster
        self.folded: dict[str, Member | None] = {}
        for key, member in [*roster.items(), *((member.email, member) for member in roster.values() if member.email)]:
            known = self.folded.setdefault(key.casefold(), member)
            if known is not None and known.key != member.key:
                self.folded[key.casefold()] = None

    def __call__(self, key: str) -> Member | None:
        return self.exact.get(key) or self.folded.get(key.casefold())


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadDownload(f"{path.name}: larger than {_MAX_BYTES >> 20} MiB: is it a roster?")
        return unicodedata.normalize("NFC", path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise BadDownload(f"{path}: it cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadDownload(f"{path.name}, line {line}: it is not UTF-8; save it as CSV in UTF-8") from None


def _rows(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the line it starts at."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)  # the first of equals
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            yield line, [field.strip() for field in row]
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadDownload(f"{where}, line {line}: it is not CSV: {error}") from None


def _columns(header: list[str], where: str) -> _Columns:
    titles = [" ".join(re.sub(r"[\W_]+", " ", title).lower().split()) for title in header]

    def column(names: tuple[str, ...]) -> int | None:
        return next((titles.index(name) for name in names if name in titles), None)

    keys = [at for name in _KEYS for at, title in enumerate(titles) if title == name]
    name, first, last, email = (column(names) for names in (_NAMES, _FIRST, _LAST, _EMAILS))
    if "student" in titles and len(keys) > 1 and name is None and last is None:
        name = titles.index("student")  # Canvas's header for the column of names
        keys.remove(name)
    if not keys and email is not None:
        keys = [email]
    if not keys:
        found = ", ".join(f"'{title}'" for title in header if title) or "nothing"
        raise BadDownload(
            f"{where}, line 1: no column identifies a student; found {found}, expected one such as 'id' or 'username'"
        )
    return _Columns(keys, name, first, last, email)


def _member(row: list[str], columns: _Columns) -> Member:
    def field(column: int | None) -> str:
        return row[column] if column is not None else ""

    name = field(columns.name) or " ".join(part for part in (field(columns.first), field(columns.last)) if part)
    ids = [key for column in columns.keys for key in _ids(row[column])]
    return Member(ids[0] if ids else "", name, field(columns.email))


def _ids(field: str) -> list[str]:
    """The ids in a field: its text, and the number in Moodle's `Participant 1234`."""
    match = _NUMBERED.fullmatch(field)
    return [match["number"], field] if match else [field] if field else []


def _duplicate_message(
    where: str, line: int, key: str, header: list[str], column: int, first_line: int, first_column: int
) -> str:
    if column == first_column:
        return f"{where}, line {line}: '{key}' is already in line {first_line}; remove one of the two lines"
    return (
        f"{where}, line {line}: '{key}' in column '{header[column]}' is also the '{header[first_column]}' of line "
        f"{first_line}, so it is ambiguous; remove one of the two columns"
    )
