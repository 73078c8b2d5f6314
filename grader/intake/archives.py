"""Archives -> folders: a student's zip and an LMS's bulk download, unpacked in a jailed worker and written here.

What a worker says is in an archive is checked again, path by path, before a byte is written. What it refuses and why is
in `jail/inside/unzip.py`. Inside a download, submissions are students' bytes: archives in it stay as they are.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from grader.course.layouts import BadDownload
from grader.intake.reading import MAX_DEPTH, MAX_ENTRIES
from grader.intake.rejected import Rejected
from grader.intake.spool import hand_over, write_entries
from grader.jail.handle import Worker, WorkerEnded
from grader.jail.host import Jail
from grader.jail.shared import messages
from grader.records.limits import Limits
from grader.records.sanitize import sanitize

_DOWNLOAD_ENTRIES = 20_000
_DOWNLOAD_BYTES = 4 << 30
_DOWNLOAD_ENTRY_BYTES = 64 << 20
"""What a submission may have, unless a course says otherwise."""
_PIECE_BYTES = 48 << 20
_DOWNLOAD_RATIO = 100
_RATIO_FROM = 64 << 20
_DOWNLOAD_DEPTH = 16
_PIECE_SECONDS = 120.0
_CPU_SECONDS = 3600.0
_SHOWN = 50
_SUBMISSION_RATIO = 100
_SUBMISSION_SECONDS = 60.0
CODE_ALONE = "hand in the code alone, without data and models"
_AGAIN = "make it anew as an ordinary .zip, and open it yourself before you hand it in"


def unpack_submission(archive: bytes, folder: Path, jail: Jail, limits: Limits) -> Iterator[str]:
    """Write what a jailed worker says is in the archive; its notes, one at a time. Raises `Rejected`."""
    upload = jail.new_entry()
    try:
        (upload / "upload.zip").write_bytes(archive)
        hand_over(upload, jail)
        answer, data = _ask(upload, jail, limits)
    finally:
        shutil.rmtree(upload, ignore_errors=True)
    yield from (sanitize(note, 200) for note in answer.notes)
    try:
        yield from write_entries(folder, answer.entries, data, most=MAX_ENTRIES, depth=MAX_DEPTH)
    except Rejected as reason:
        raise Rejected(f"{reason}; {_AGAIN}") from None


def _ask(upload: Path, jail: Jail, limits: Limits) -> tuple[messages.Unpacked, bytes]:
    """What a worker says is in the archive `upload.zip`, and the bytes. Raises `Rejected`."""
    worker = jail.spawn(upload.name, limits)
    try:
        request = messages.Unpack("upload.zip", MAX_ENTRIES, limits.files_mib << 20, _SUBMISSION_RATIO, MAX_DEPTH)
        answer, tensors = worker.ask(request, deadline=time.monotonic() + _SUBMISSION_SECONDS)
    except WorkerEnded as end:
        raise Rejected(f"the archive could not be unpacked: {end.detail}; {CODE_ALONE}") from None
    finally:
        worker.close()
    if isinstance(answer, messages.Raised) and answer.out_of_memory:
        raise Rejected(f"the archive could not be unpacked in {limits.memory_mib} MiB of memory; {CODE_ALONE}")
    if not isinstance(answer, messages.Unpacked):
        raise Rejected(f"the archive is broken; {_AGAIN}")
    if answer.error is not None:
        raise Rejected(sanitize(answer.error))
    return answer, tensors[0].numpy().tobytes()


def unpack_download(path: Path, folder: Path, jail: Jail) -> list[str]:
    """Write the files of the zip at `path` below `folder`, named as they are in it; notes on what was left out.

    A file over 64 MiB, a link, and what leads elsewhere are left out; `__MACOSX`, `.DS_Store` and `Thumbs.db` without a
    note. At most 20,000 files and 4 GiB are accepted, and 100 times the size of the archive. Raises `BadDownload`; then
    a part of it may have been written.
    """
    upload = jail.new_entry()
    try:
        packed = _copy(path, upload / "download.zip")
        hand_over(upload, jail)
        return _write(path, packed, folder, _pieces(path, upload, jail))
    except OSError as error:
        raise BadDownload(f"{path}: cannot be unpacked: {error.strerror}") from None
    finally:
        shutil.rmtree(upload, ignore_errors=True)


def _copy(path: Path, target: Path) -> int:
    """Copy the archive to where a worker may see it; its size in bytes."""
    if not path.is_file():
        raise BadDownload(f"{path}: no such file")
    size = path.stat().st_size
    if size > _DOWNLOAD_BYTES:
        raise BadDownload(
            f"{path}: it has {size / 2**30:.1f} GiB, at most {_DOWNLOAD_BYTES >> 30} are accepted; split it"
        )
    shutil.copyfile(path, target)
    return target.stat().st_size


def _pieces(path: Path, upload: Path, jail: Jail) -> Iterator[tuple[messages.Piece, bytes]]:
    """The archive's files, as a worker tells them. Raises `BadDownload`."""
    worker = jail.spawn(upload.name, Limits(), cpu_seconds=_CPU_SECONDS)
    try:
        start: int | None = 0
        while start is not None:
            piece, data = _next_piece(path, worker, start)
            yield piece, data
            if piece.next is not None and not start < piece.next <= _DOWNLOAD_ENTRIES:
                raise BadDownload(f"{path}: the archive is broken; download it again")
            start = piece.next
    finally:
        worker.close()


def _next_piece(path: Path, worker: Worker, start: int) -> tuple[messages.Piece, bytes]:
    request = messages.UnpackPiece(
        "download.zip", start, _DOWNLOAD_ENTRIES, _DOWNLOAD_ENTRY_BYTES, _PIECE_BYTES, _DOWNLOAD_DEPTH
    )
    try:
        answer, tensors = worker.ask(request, deadline=time.monotonic() + _PIECE_SECONDS)
    except WorkerEnded as end:
        raise BadDownload(f"{path}: unpacking it ended early: {end.detail}; download it again") from None
    if not isinstance(answer, messages.Piece):
        raise BadDownload(f"{path}: the archive is broken; download it again")
    if answer.error is not None:
        raise BadDownload(f"{path}: {sanitize(answer.error)}")
    return answer, tensors[0].numpy().tobytes()


def _write(path: Path, packed: int, folder: Path, pieces: Iterator[tuple[messages.Piece, bytes]]) -> list[str]:
    notes: list[str] = []
    seen: set[PurePosixPath] = set()
    total = 0
    for piece, data in pieces:
        total += len(data)
        if total > _DOWNLOAD_BYTES:
            raise BadDownload(f"{path}: it unpacks to more than {_DOWNLOAD_BYTES >> 30} GiB; split it")
        if total > _RATIO_FROM and total > _DOWNLOAD_RATIO * packed:
            raise BadDownload(f"{path}: it unpacks to more than {_DOWNLOAD_RATIO} times its size; it is no download")
        notes += [sanitize(note, 200) for note in piece.notes]
        for entry in piece.entries:
            if PurePosixPath(entry.path) in seen:
                notes.append(f"`{sanitize(entry.path, 100)}` is in it more than once; the last one was kept")
            seen.add(PurePosixPath(entry.path))
        try:
            notes += write_entries(folder, piece.entries, data, most=_DOWNLOAD_ENTRIES, depth=_DOWNLOAD_DEPTH)
        except Rejected as reason:
            raise BadDownload(f"{path}: {reason}; download it again") from None
    if len(notes) > _SHOWN:
        notes[_SHOWN:] = [f"{len(notes) - _SHOWN} more such notes are not shown"]
    return notes
