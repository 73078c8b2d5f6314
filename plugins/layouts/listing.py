"""Lists a folder of a download, without files that nobody submitted."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from grader.plugin import BadDownload, Skipped

_IGNORED = {"__MACOSX", "__pycache__", "grade-report", "Thumbs.db", "desktop.ini"}


class Listing(NamedTuple):
    """The children of a folder, sorted by name, and those that cannot be used."""

    files: list[Path]
    folders: list[Path]
    skipped: list[Skipped]

    @property
    def all(self) -> list[Path]:
        return [*self.files, *self.folders]


def look_into(folder: Path) -> Listing:
    """List the direct children of a folder. Raises `BadDownload` if that fails."""
    listing = Listing([], [], [])
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        raise BadDownload(f"{folder}: cannot be listed: {error.strerror}") from None
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _IGNORED:
            continue
        shown = entry.name.encode("utf-8", "replace").decode()
        if shown != entry.name:
            listing.skipped.append(Skipped(shown, "its name is not UTF-8; rename it"))
        elif entry.is_symlink():
            listing.skipped.append(
                Skipped(shown, "a symbolic link, which could point anywhere; replace it with a copy")
            )
        elif entry.is_dir(follow_symlinks=False):
            listing.folders.append(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            listing.files.append(Path(entry.path))
        else:
            listing.skipped.append(Skipped(shown, "neither a file nor a folder"))
    return listing


def root(folder: Path, looks_right: Callable[[Path], bool]) -> Path:
    """`folder`, or its only subfolder if only that looks right: many archives wrap their contents in a folder."""
    if not looks_right(folder):
        listing = look_into(folder)
        if len(listing.folders) == 1 and not listing.files and looks_right(listing.folders[0]):
            return listing.folders[0]
    return folder


def most(entries: list[Path], match: Callable[[str], object]) -> bool:
    """Whether more than half of the entries have names that match, so that a few stray files do not matter."""
    return 2 * sum(1 for entry in entries if match(entry.name)) > len(entries)


def normalized(text: str) -> str:
    """A name in Unicode NFC: macOS decomposes accents."""
    return unicodedata.normalize("NFC", text)


def usable(name: str) -> bool:
    """Whether this is a safe file name: without the LMS's prefix, a name may point to another folder."""
    return bool(name.strip(". ")) and "/" not in name and "\\" not in name and "\0" not in name
