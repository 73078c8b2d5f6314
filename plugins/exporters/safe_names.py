"""Makes names of students and their files safe as names of folders and files on any machine."""

import re
import unicodedata
from collections.abc import Callable

_UNSAFE = re.compile(r"[^\w .,()@+=-]")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
"""Names that Windows reserves, with any extension."""


def safe_name(text: str, most: int = 100) -> str:
    """One part of a path: letters of any script stay; no separators, no leading or trailing dot, `most` bytes."""
    text = _UNSAFE.sub("_", unicodedata.normalize("NFC", text)).strip(" .")
    if text.startswith(("=", "+", "-", "@")):  # a formula to a spreadsheet, an option to a program
        text = f"_{text[1:]}"
    if _DEVICE.fullmatch(text):
        text = f"_{text}"
    return text.encode()[:most].decode(errors="ignore").strip(" .") or "_"


def safe_path(path: str) -> str:
    """A relative path that cannot leave its folder."""
    parts = [part for part in re.split(r"[/\\]", path) if part not in ("", ".", "..")]
    return "/".join(safe_name(part) for part in parts[-8:]) or "_"


def unique_names() -> Callable[[str], str]:
    """`safe_name`, with a number added if it has returned that name before, ignoring case."""
    given: set[str] = set()

    def unique(text: str) -> str:
        name = _numbered(safe_name(text), lambda name: name.casefold() in given)
        given.add(name.casefold())
        return name

    return unique


def unique_paths() -> Callable[[str], str]:
    """`safe_path`, numbered likewise; no path is both a file and a folder."""
    files: set[str] = set()
    folders: set[str] = set()

    def is_taken(path: str) -> bool:
        path = path.casefold()
        return path in files or path in folders or not files.isdisjoint(_folders(path))

    def unique(text: str) -> str:
        path = _numbered(safe_path(text), is_taken)
        files.add(path.casefold())
        folders.update(_folders(path.casefold()))
        return path

    return unique


def _folders(path: str) -> list[str]:
    return [path[:at] for at, letter in enumerate(path) if letter == "/"]


def _numbered(name: str, is_taken: Callable[[str], bool]) -> str:
    """The name, else the first of `name-2`, `name-3`, ... that is free; in a path, the top-level folder is numbered."""
    top, slash, rest = name.partition("/")
    stem, dot, ending = top.rpartition(".") if "." in top and not slash else (top, "", "")
    count = 1
    while is_taken(name):
        count += 1
        name = f"{stem}-{count}{dot}{ending}{slash}{rest}"
    return name
