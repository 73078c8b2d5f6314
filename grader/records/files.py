"""Atomic file writes: a file is written completely or not at all."""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path


def write_whole(file: Path, data: bytes) -> None:
    """Write a file atomically, with the mode that the umask allows. Whatever was at the path, a link or a pipe
    included, is replaced and not followed. Raises OSError.
    """
    draft = file.with_name(f".{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as opened:  # opened once: reopened by name, it could be a file somebody else put there
            opened.write(data)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_all_or_none(files: Mapping[Path, bytes]) -> None:
    """Write new files and the folders they need, or nothing at all. Raises OSError, also where a file exists."""
    with contextlib.ExitStack() as undo:
        for file, data in files.items():
            for folder in _missing(file.parent):
                folder.mkdir()
                undo.callback(_try_to, folder.rmdir)
            with file.open("xb") as opened:
                undo.callback(_try_to, file.unlink)
                opened.write(data)
        undo.pop_all()


def _missing(folder: Path) -> Iterator[Path]:
    """The folders to create, outermost first."""
    if not folder.exists():
        yield from _missing(folder.parent)
        if not folder.exists():  # `new/..` exists as soon as `new` does
            yield folder


def _try_to(undo: Callable[[], None]) -> None:
    """Undo one step; a failure to do so must not hide the error that made it necessary."""
    with contextlib.suppress(OSError):
        undo()
