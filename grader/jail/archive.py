"""Inside the jail: unpack a zip into plain data for the host, which checks the paths again and writes the files.

Sizes are counted while streaming; what an archive says of itself is not believed.
"""

import lzma
import os
import stat
import zipfile
import zlib

import torch

from grader.jail.loading import IGNORED
from grader.jail.messages import Entry, Unpack, Unpacked
from grader.jail.wire import clean

_CHUNK = 1 << 16
_RATIO_FROM = 8 << 20
"""Bytes from which on the ratio counts: small files of repeated text compress well and do no harm."""
_NOTES = 20
_AGAIN = "make it anew as an ordinary .zip, and open it yourself before you hand it in"
_CODE_ALONE = "hand in the code alone, without data and models"


class _Refused(Exception):
    pass


def unpack(path: str, caps: Unpack) -> tuple[Unpacked, list[torch.Tensor]]:
    """The files of the archive at `path`, or the reason why it was refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries, notes, data = _read(archive, caps, os.path.getsize(path))
    except _Refused as reason:
        return Unpacked([], [], str(reason)), []
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        ValueError,
        OSError,
    ) as error:
        return Unpacked([], [], f"the archive is broken: {clean(str(error), 200)}; {_AGAIN}"), []
    except (NotImplementedError, RuntimeError) as error:
        return Unpacked([], [], f"the archive cannot be unpacked: {clean(str(error), 200)}; {_AGAIN}"), []
    # an empty tensor stands for an archive of empty files
    return Unpacked(entries, notes[:_NOTES], None), [torch.frombuffer(data or bytearray(1), dtype=torch.uint8)]


def _read(archive: zipfile.ZipFile, caps: Unpack, packed: int) -> tuple[list[Entry], list[str], bytearray]:
    infos = [(info, _parts(info.filename)) for info in archive.infolist()]
    infos = [(info, parts) for info, parts in infos if not _is_ignored(info, parts)]
    if len(infos) > caps.max_entries:
        raise _Refused(f"the archive has {len(infos)} files, at most {caps.max_entries} are accepted; {_CODE_ALONE}")
    entries: list[Entry] = []
    notes: list[str] = []
    data = bytearray()
    for info, parts in infos:
        shown = f"`{clean(info.filename, 100)}`"
        if info.flag_bits & 1:
            raise _Refused("the archive is encrypted; hand it in without a password")
        if stat.S_ISLNK(info.external_attr >> 16):
            notes.append(f"{shown} is a link and was left out")
            continue
        if ".." in parts or "" in parts or ":" in parts[0] or len(parts) > caps.max_depth:
            notes.append(f"{shown} leads outside the archive or lies too deep and was left out")
            continue
        before = len(data)
        with archive.open(info) as file:
            while chunk := file.read(_CHUNK):
                data += chunk
                _check_size(len(data), packed, caps)
        entries.append(Entry(clean("/".join(parts), 1000), len(data) - before))
    return entries, notes, data


def _parts(name: str) -> list[str]:
    """The parts of a name as any system may have spelled it: `./a.py`, `folder\\a.py`."""
    return [part for part in name.replace("\\", "/").split("/") if part != "."]


def _is_ignored(info: zipfile.ZipInfo, parts: list[str]) -> bool:
    is_folder = info.is_dir() or not parts or parts[-1] == ""
    return is_folder or any(part in IGNORED or part.startswith(".") for part in parts if part != "..")


def _check_size(size: int, packed: int, caps: Unpack) -> None:
    if size > caps.max_bytes:
        raise _Refused(f"the archive unpacks to more than {caps.max_bytes >> 20} MiB; {_CODE_ALONE}")
    if size > _RATIO_FROM and size > caps.max_ratio * packed:
        raise _Refused(f"the archive unpacks to more than {caps.max_ratio} times its size; {_CODE_ALONE}")
