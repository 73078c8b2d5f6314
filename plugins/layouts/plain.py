"""Folders and files: each direct child is one submission, called by its name."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from grader.plugin import BadDownload, Collected, Member, Part, Skipped, Upload

from .listing import look_into, same_text

_KINDS = {".py", ".ipynb", ".zip"}


def collect(folder: Path, name: str, exercises: Sequence[str]) -> Collected:
    """One upload per folder, `.py`, `.ipynb` or `.zip`. Raises `BadDownload` for a folder that is one submission."""
    listing = look_into(folder)
    if len(listing.folders) == 1 and not listing.files and same_text(listing.folders[0].name) == same_text(name):
        folder = listing.folders[0]  # an archive made of a folder holds that folder and nothing else
        listing = look_into(folder)
    modules = [file.name for file in listing.files if file.stem in exercises and file.suffix in (".py", ".ipynb")]
    if modules:
        raise BadDownload(
            f"{name}: it holds {', '.join(modules)} itself, so it is one submission and not a class: give it to "
            "`grade submit`, or give the folder that holds everybody's; a copy of your own among theirs: move it away"
        )
    skipped = list(listing.skipped)
    children: dict[Path, str] = {path: path.name for path in listing.folders}
    for file in listing.files:
        if file.suffix.lower() in _KINDS:
            children[file] = file.stem
        else:
            skipped.append(Skipped(file.name, "no folder, .py, .ipynb or .zip: no submission"))
    doubts = _doubles(children)
    if len(children) == 1 and listing.folders:
        doubts[listing.folders[0]] += _a_class(listing.folders[0])
    uploads = [
        Upload(
            [Member(same_text(stem))], [Part("" if path in listing.folders else path.name, path)], doubts=doubts[path]
        )
        for path, stem in sorted(children.items(), key=lambda child: child[0].name)
    ]
    return Collected(uploads, skipped)


def _doubles(children: dict[Path, str]) -> dict[Path, list[str]]:
    """What to say where several children have one stem: `ada.py` and `ada.zip`, or `Ada` where case is not kept."""
    by_stem = defaultdict(list)
    for path, stem in children.items():
        by_stem[same_text(stem).casefold()].append(path)
    doubts = defaultdict(list)
    for paths in by_stem.values():
        for path in paths:
            others = ", ".join(other.name for other in paths if other is not path)
            if others:
                doubts[path].append(f"double: there is {others} too; keep one of them")
    return doubts


def _a_class(folder: Path) -> list[str]:
    """The only submission there is, and itself full of folders: perhaps the class is one folder further down."""
    listing = look_into(folder)
    if len(listing.folders) > 1 and not any(file.suffix in (".py", ".ipynb") for file in listing.files):
        return [f"it is all there is; if {folder.name} holds the class, give that folder itself"]
    return []
