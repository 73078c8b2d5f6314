"""Plain folders and files: each direct child is one submission, and its name identifies the student."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from grader.plugin import BadDownload, Collected, Member, Part, Skipped, Upload

from .listing import look_into, normalized

_KINDS = {".py", ".ipynb", ".zip"}


def collect(folder: Path, name: str, exercises: Sequence[str]) -> Collected:
    """One upload per folder, `.py`, `.ipynb` or `.zip`. Raises `BadDownload` for a folder that is a single
    submission."""
    listing = look_into(folder)
    if len(listing.folders) == 1 and not listing.files and normalized(listing.folders[0].name) == normalized(name):
        folder = listing.folders[0]  # an archive of a folder contains only that folder
        listing = look_into(folder)
    modules = [file.name for file in listing.files if file.stem in exercises and file.suffix in (".py", ".ipynb")]
    if modules:
        raise BadDownload(
            f"{name}: it contains {', '.join(modules)} itself, so it is a single submission and not a class: grade it "
            "with `grade submit`, or give the folder with all submissions; if it is a copy of your own, move it away"
        )
    skipped = list(listing.skipped)
    children: dict[Path, str] = {path: path.name for path in listing.folders}
    for file in listing.files:
        if file.suffix.lower() in _KINDS:
            children[file] = file.stem
        else:
            skipped.append(Skipped(file.name, "not a folder, .py, .ipynb or .zip, so not a submission"))
    warnings = _duplicates(children)
    if len(children) == 1 and listing.folders:
        warnings[listing.folders[0]] += _nested_class(listing.folders[0])
    uploads = [
        Upload(
            [Member(normalized(stem))],
            [Part("" if path in listing.folders else path.name, path)],
            doubts=warnings[path],
        )
        for path, stem in sorted(children.items(), key=lambda child: child[0].name)
    ]
    return Collected(uploads, skipped)


def _duplicates(children: dict[Path, str]) -> dict[Path, list[str]]:
    """Warnings for children with the same stem: `ada.py` and `ada.zip`, or `Ada` on a case-insensitive file system."""
    by_stem = defaultdict(list)
    for path, stem in children.items():
        by_stem[normalized(stem).casefold()].append(path)
    warnings = defaultdict(list)
    for paths in by_stem.values():
        for path in paths:
            others = ", ".join(other.name for other in paths if other is not path)
            if others:
                warnings[path].append(f"duplicate: there is {others} too; keep one of them")
    return warnings


def _nested_class(folder: Path) -> list[str]:
    """A warning if the only submission consists of folders: the class may be one folder further down."""
    listing = look_into(folder)
    if len(listing.folders) > 1 and not any(file.suffix in (".py", ".ipynb") for file in listing.files):
        return [f"it is the only submission; if {folder.name} contains the class, give that folder itself"]
    return []
