"""Unpack archives, a student's zip or an LMS's bulk download: a jailed worker reads them, this module writes the files.

The worker's answer is not trusted: every path is checked again before a byte is written. The rules for refusing an
archive are in `jail/inside/unzip.py`. Archives inside a download are students' submissions and stay packed.
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
"""The default size limit of a submission."""
_PIECE_BYTES = 48 << 20
_DOWNLOAD_RATIO = 100
_RATIO_FROM = 64 << 20
_DOWNLOAD_DEPTH = 16
_PIECE_SECONDS = 120.0
_CPU_SECONDS = 3600.0
_SHOWN = 50
_SUBMISSION_RATIO = 100
_SUBMISSION_SECONDS = 60.0
CODE_ONLY = "hand in only the code, without data and models"
_RECREATE = "re-create it as a plain .zip and check that it opens"


def unpack_submission(archive: bytes, folder: Path, jail: Jail, limits: Limits) -> Iterator[str]:
    """Unpack an archive in a jailed worker and write its files; yield the notes. Raises `Rejected`."""
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
        raise Rejected(f"{reason}; {_RECREATE}") from None


def _ask(upload: Path, jail: Jail, limits: Limits) -> tuple[messages.Unpacked, bytes]:
    """The list of files in `upload.zip` and their bytes, as a worker reports them. Raises `Rejected`."""
    worker = jail.spawn(upload.name, limits)
    try:
        request = messages.Unpack("upload.zip", MAX_ENTRIES, limits.files_mib << 20, _SUBMISSION_RATIO, MAX_DEPTH)
        answer, tensors = worker.ask(request, deadline=time.monotonic() + _SUBMISSION_SECONDS)
    except WorkerEnded as end:
        raise Rejected(f"the archive could not be unpacked: {end.detail}; {CODE_ONLY}") from None
    finally:
        worker.close()
    if isinstance(answer, messages.Raised) and answer.out_of_memory:
        raise Rejected(f"the archive could not be unpacked in {limits.memory_mib} MiB of memory; {CODE_ONLY}")
    if not isinstance(answer, messages.Unpacked):
        raise Rejected(f"the archive is broken; {_RECREATE}")
    if answer.error is not None:
        raise Rejected(sanitize(answer.error))
    return answer, tensors[0].numpy().tobytes()


def unpack_download(path: Path, folder: Path, jail: Jail) -> list[str]:
    """Unpack the zip at `path` into `folder`, keeping its file names; return notes on what was left out.

    Files over 64 MiB, links, and paths that point outside are left out; so are `__MACOSX`, `.DS_Store` and `Thumbs.db`,
    without a note. At most 20,000 files, 4 GiB, and 100 times the size of the archive are accepted. Raises
    `BadDownload`, possibly after some files were written.
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
    """Copy the archive to where a worker can read it; return its size in bytes."""
    if not path.is_file():
        raise BadDownload(f"{path}: no such file")
    size = path.stat().st_size
    if size > _DOWNLOAD_BYTES:
        raise BadDownload(
            f"{path}: it is {size / 2**30:.1f} GiB, at most {_DOWNLOAD_BYTES >> 30} GiB are accepted; split it"
        )
    shutil.copyfile(path, target)
    return target.stat().st_size


def _pieces(path: Path, upload: Path, jail: Jail) -> Iterator[tuple[messages.Piece, bytes]]:
    """The archive's files, piece by piece, as a worker reports them. Raises `BadDownload`."""
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
        raise BadDownload(f"{path}: unpacking failed: {end.detail}; download it again") from None
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
            raise BadDownload(f"{path}: it unpacks to more than {_DOWNLOAD_RATIO} times its size; is it a zip bomb?")
        notes += [sanitize(note, 200) for note in piece.notes]
        for entry in piece.entries:
            if PurePosixPath(entry.path) in seen:
                notes.append(f"`{sanitize(entry.path, 100)}` occurs more than once; the last one was kept")
            seen.add(PurePosixPath(entry.path))
        try:
            notes += write_entries(folder, piece.entries, data, most=_DOWNLOAD_ENTRIES, depth=_DOWNLOAD_DEPTH)
        except Rejected as reason:
            raise BadDownload(f"{path}: {reason}; download it again") from None
    if len(notes) > _SHOWN:
        notes[_SHOWN:] = [f"{len(notes) - _SHOWN} more such notes are not shown"]
    return notes
