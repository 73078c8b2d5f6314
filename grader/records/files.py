"""Writing files whole: what stands at a path is never half of something, and what was not asked for is left alone."""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path


def write_whole(file: Path, data: bytes) -> None:
    """Write a file in one move, with the modes that the umask leaves; what lay there, be it a link or a pipe, is
    replaced and not followed. Raises OSError.
    """
    draft = file.with_name(f".{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as opened:  # made under the umask, and opened once: by its name, it may be another's soon
            opened.write(data)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_all_or_none(files: Mapping[Path, bytes]) -> None:
    """Write new files, and the folders that they need, or nothing at all. Raises OSError, also where one is there."""
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
    """The folders to be made, outermost first."""
    if not folder.exists():
        yield from _missing(folder.parent)
        if not folder.exists():  # `made/..` is there once `made` is
            yield folder


def _try_to(undo: Callable[[], None]) -> None:
    """What cannot be undone hides no reason why it had to be."""
    with contextlib.suppress(OSError):
        undo()
