"""What a download holds: who handed in what, as its layout tells. Paths and names only; nothing of it is read here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grader.records.errors import UsageError


class Member(msgspec.Struct, frozen=True):
    """One of those who handed a submission in."""

    key: str
    """The identity: the LMS's own number or id, else the name of the folder or file. Never a display name."""
    name: str = ""
    email: str = ""


class Part(msgspec.Struct, frozen=True):
    """A file or a folder of a submission, and what it is called in there: an LMS renames what students upload.

    With the name `""`, a folder's contents are the submission's own.
    """

    name: str
    path: Path


class Upload(msgspec.Struct, frozen=True):
    """One submission as it lies in a download: not read yet."""

    members: list[Member]
    """One, or the members of a group: graded once, and each gets the grade."""
    parts: list[Part]
    when: str | None = None
    """When it was handed in, ISO 8601; with the zone where the download tells it."""
    late: bool = False
    """Whether the download calls it late."""
    doubts: list[str] = []
    """What an instructor should look at, in words."""


class Skipped(msgspec.Struct, frozen=True):
    """Something in a download that is no submission, and why."""

    what: str
    why: str


class Collected(msgspec.Struct, frozen=True):
    """What a layout found, before anything is graded."""

    uploads: list[Upload]
    skipped: list[Skipped] = []


@dataclass(frozen=True)
class Layout:
    """How one kind of download lays submissions out.

    `detect` and `collect` take the download's folder and its name (of the folder, or of the archive that it was
    unpacked from); `detect` says whether the folder looks like one of the kind, by names alone.
    """

    name: str
    detect: Callable[[Path, str], bool]
    collect: Callable[[Path, str], Collected]


class BadDownload(UsageError):
    """A download that cannot be used: what was found, where, what to do, in one line."""
