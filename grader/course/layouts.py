"""Records of a download's layout: who submitted which files. Only paths and names; no file is read here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grader.records.errors import UsageError


class Member(msgspec.Struct, frozen=True):
    """A student who submitted, alone or in a group."""

    key: str
    """Identifies the student: the LMS's own id, else the name of the folder or file. Never a display name."""
    name: str = ""
    email: str = ""


class Part(msgspec.Struct, frozen=True):
    """A file or folder of a submission, and its original name, since an LMS renames what students upload.

    With the name `""`, the folder's contents are the top level of the submission.
    """

    name: str
    path: Path


class Upload(msgspec.Struct, frozen=True):
    """One submission in a download, not read yet."""

    members: list[Member]
    """One student, or a group; a group's submission is graded once, and each member gets the grade."""
    parts: list[Part]
    when: str | None = None
    """When it was submitted, in ISO 8601; with a time zone if the download has one."""
    late: bool = False
    """Whether the download marks it as late."""
    doubts: list[str] = []
    """Warnings for the instructor."""


class Skipped(msgspec.Struct, frozen=True):
    """Something in a download that is not a submission, and why."""

    what: str
    why: str


class Collected(msgspec.Struct, frozen=True):
    """What a layout found in a download, before anything is graded."""

    uploads: list[Upload]
    skipped: list[Skipped] = []


@dataclass(frozen=True)
class Layout:
    """How one kind of download arranges submissions.

    `detect` and `collect` take the download's folder and its name (that of the folder, or of the archive it was
    unpacked from). `detect` recognises the kind of download from names alone.
    """

    name: str
    detect: Callable[[Path, str], bool]
    collect: Callable[[Path, str], Collected]


class BadDownload(UsageError):
    """A download that cannot be used. The message is one line: what was found, where, and what to do."""
