"""Inside the jail: unpack a zip into plain data for the host, which checks the paths again and writes the files.

Sizes are counted while streaming; the sizes that an archive declares are not trusted.
"""

import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from grader.jail.shared.ignored import IGNORED
from grader.jail.shared.messages import Entry, Piece, Unpack, Unpacked, UnpackPiece
from grader.jail.shared.wire import clean

_CHUNK = 1 << 16
_RATIO_FROM = 8 << 20
"""The ratio is only checked above this many bytes: small files of repeated text compress well and do no harm."""
_NOTES = 20
_RECREATE = "re-create it as a plain .zip and check that it opens"
_CODE_ONLY = "hand in only the code, without data and models"
_PIECE_ENTRIES = 250
_NAME = 1000
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db"}

_Found = TypeVar("_Found")


class _Refused(Exception):
    """Why an archive is not unpacked."""


class _LeftOut(Exception):
    """Why one entry of it is not."""


def unpack(path: str, caps: Unpack) -> tuple[Unpacked, list[torch.Tensor]]:
    """The files of the archive at `path`, or the reason for refusing it."""
    try:
        entries, notes, data = _opened(path, lambda archive: _read(archive, caps, os.path.getsize(path)), _RECREATE)
    except _Refused as reason:
        return Unpacked([], [], str(reason)), []
    return Unpacked(entries, notes[:_NOTES], None), [_tensor(data)]


def unpack_piece(path: str, caps: UnpackPiece) -> tuple[Piece, list[torch.Tensor]]:
    """A piece of a bulk download's archive, without the operating system's own files; or the reason for refusing it.

    Entries over `max_entry_bytes`, and those that point outside, are left out.
    """
    try:
        entries, notes, data, following = _opened(path, lambda archive: _read_piece(archive, caps), "download it again")
    except _Refused as reason:
        return Piece([], [], None, str(reason)), []
    return Piece(entries, notes, following, None), [_tensor(data)]


def _tensor(data: bytearray) -> torch.Tensor:
    # `frombuffer` refuses an empty buffer: an archive of empty files is sent as one unused byte
    return torch.frombuffer(data or bytearray(1), dtype=torch.uint8)


def _opened(path: str, read: Callable[[zipfile.ZipFile], _Found], advice: str) -> _Found:
    """What `read` returns for the open archive. Raises `_Refused` for a broken one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return read(archive)
    except (_Refused, MemoryError):
        raise
    except (NotImplementedError, RuntimeError) as error:
        raise _Refused(f"the archive cannot be unpacked: {clean(str(error), 200)}; {advice}") from None
    except Exception as error:  # a damaged archive makes zipfile raise almost anything: IndexError, struct.error, ...
        reason = clean(str(error), 200) or type(error).__name__
        raise _Refused(f"the archive is broken: {reason}; {advice}") from None


def _read(archive: zipfile.ZipFile, caps: Unpack, packed: int) -> tuple[list[Entry], list[str], bytearray]:
    infos = [(info, _parts(info.filename)) for info in archive.infolist()]
    infos = [(info, parts) for info, parts in infos if not _is_ignored(parts)]
    if len(infos) > caps.max_entries:
        raise _Refused(f"the archive has {len(infos)} files, at most {caps.max_entries} are accepted; {_CODE_ONLY}")
    entries: list[Entry] = []
    notes: list[str] = []
    data = bytearray()
    for info, parts in infos:
        if info.flag_bits & 1:
            raise _Refused("the archive is encrypted; hand it in without a password")
        try:
            _require_place(info, parts, caps.max_depth)
        except _LeftOut as reason:
            notes.append(f"`{clean(info.filename, 100)}` {reason} and was left out")
            continue
        before = len(data)
        for chunk in _chunks(archive, info):
            data += chunk
            _check_size(len(data), packed, caps)
        entries.append(Entry(clean("/".join(parts), _NAME), len(data) - before))
    return entries, notes, data


def _read_piece(archive: zipfile.ZipFile, caps: UnpackPiece) -> tuple[list[Entry], list[str], bytearray, int | None]:
    infos = [(info, _parts(info.filename)) for info in archive.infolist()]
    infos = [(info, parts) for info, parts in infos if not _is_folder(parts) and not _JUNK & set(parts)]
    if len(infos) > caps.max_entries:
        raise _Refused(f"the archive has {len(infos)} files, at most {caps.max_entries} are accepted")
    entries: list[Entry] = []
    notes: list[str] = []
    data = bytearray()
    for number, (info, parts) in enumerate(infos[caps.start :], start=caps.start):
        if info.flag_bits & 1:
            raise _Refused("the archive is encrypted; download it without a password")
        # zipfile never reads more than an entry's header declares, so the piece stays within its limit
        is_full = len(data) + min(info.file_size, caps.max_entry_bytes) > caps.max_piece_bytes and entries
        if is_full or number - caps.start >= _PIECE_ENTRIES:
            return entries, notes, data, number
        try:
            _require_place(info, parts, caps.max_depth)
            content = _content(archive, info, "/".join(parts), caps)
        except _LeftOut as reason:
            notes.append(f"`{clean(info.filename, 100)}` {reason} and was left out")
            continue
        data += content
        entries.append(Entry("/".join(parts), len(content)))
    return entries, notes, data, None


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, caps: UnpackPiece) -> bytearray:
    """The contents of an entry. Raises `_LeftOut` where they or its name are too long."""
    if len(name) > _NAME:
        raise _LeftOut("has too long a name")
    content = bytearray()
    for chunk in _chunks(archive, info):
        content += chunk
        if len(content) > caps.max_entry_bytes:
            raise _LeftOut(f"is larger than {caps.max_entry_bytes >> 20} MiB")
    return content


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _parts(name: str) -> list[str]:
    """The parts of a path as any operating system may write it: `./a.py`, `folder\\a.py`."""
    return [part for part in name.replace("\\", "/").split("/") if part != "."]


def _require_place(info: zipfile.ZipInfo, parts: list[str], max_depth: int) -> None:
    """Raise `_LeftOut` where an entry is a link, or its path points outside the archive or is too deep."""
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _LeftOut("is a link")
    if ".." in parts or "" in parts or ":" in parts[0] or len(parts) > max_depth:
        raise _LeftOut("points outside the archive or is nested too deeply")


def _is_folder(parts: list[str]) -> bool:
    return not parts or parts[-1] == ""


def _is_ignored(parts: list[str]) -> bool:
    return _is_folder(parts) or any(part in IGNORED or part.startswith(".") for part in parts if part != "..")


def _check_size(size: int, packed: int, caps: Unpack) -> None:
    if size > caps.max_bytes:
        raise _Refused(f"the archive unpacks to more than {caps.max_bytes >> 20} MiB; {_CODE_ONLY}")
    if size > _RATIO_FROM and size > caps.max_ratio * packed:
        raise _Refused(f"the archive unpacks to more than {caps.max_ratio} times its size; {_CODE_ONLY}")
