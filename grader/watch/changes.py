"""Watches a file or folder and reports the digests of its files after each save."""

import hashlib
import os
import re
import stat
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

import watchfiles

from grader.jail.shared.ignored import IGNORED

_SEEN = 5000
_HASHED_BYTES = 4 << 20
"""A larger file counts as changed if its size or modification time changes."""
_QUIET_MS = 50
"""A save is complete when nothing was written for this long."""
_LOOK_MS = 1000
"""Files are also checked at this interval, for network drives and replaced folders, which send no notifications."""

Digests = dict[str, bytes]
"""A digest of each file of a submission, by its path inside; empty where there is nothing."""


class Saved(BaseException):
    """A file was saved during a grading. Not an `Exception`, so that no check catches it."""


class Source:
    """A file or folder that is being edited; it may not exist yet, and may disappear and return."""

    def __init__(self, path: Path):
        self.path = Path(os.path.abspath(path))  # noqa: PTH100  (`resolve` would follow links, which may change)
        self._known: dict[str, tuple[tuple[int, ...], bytes]] = {}

    def digests(self) -> Digests:
        """The current digests. A file is read again only if its time or size changed."""
        found: dict[str, tuple[tuple[int, ...], bytes]] = {}
        for name, file in self.files():
            try:
                status = file.stat()
                if not stat.S_ISREG(status.st_mode):
                    continue
                key = (status.st_ino, status.st_size, status.st_mtime_ns)
                known = self._known.get(name)
                found[name] = known if known and known[0] == key else (key, _digest(file, status))
            except OSError:
                continue  # deleted meanwhile
        self._known = found
        return {name: digest for name, (_, digest) in found.items()}

    def changes(self, stop: threading.Event) -> Iterator[Digests]:
        """The digests, immediately and after each change, until `stop` is set."""
        seen: Digests | None = None
        while not stop.is_set():
            for found in self._poll(stop):
                if found != seen:
                    seen = found
                    yield found

    def _poll(self, stop: threading.Event) -> Iterator[Digests]:
        """The digests at each notification and every second, until the watched folder is replaced."""
        watched = self.path if self.path.is_dir() else self.path.parent
        identity = _identity(watched)
        try:
            notifications = watchfiles.watch(
                watched,
                recursive=watched == self.path,
                step=_QUIET_MS,
                debounce=20 * _QUIET_MS,
                stop_event=stop,
                rust_timeout=_LOOK_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
                watch_filter=None,
            )
            yield self.digests()
            for _ in notifications:
                yield self.digests()
                is_folder = self.path.is_dir()
                if _identity(watched) != identity or is_folder != (watched == self.path):
                    return
        except OSError:  # the folder is gone, or the system has no more watches: poll instead
            stop.wait(_LOOK_MS / 1000)
            yield self.digests()

    def files(self) -> Iterator[tuple[str, Path]]:
        """The files that may belong to the submission, by relative path; only the first ones if there are too many."""
        if not self.path.is_dir():
            yield self.path.name, self.path
            return
        seen = 0
        for folder, folders, files in os.walk(self.path):
            folders[:] = sorted(name for name in folders if not _is_ignored(name))
            seen += len(files) + len(folders)
            if seen > _SEEN:  # a home folder, say: polling all of it would keep a processor busy
                return
            for name in sorted(files):
                if not _is_ignored(name):
                    file = Path(folder, name)
                    yield str(file.relative_to(self.path)), file


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name in IGNORED or name.endswith(("~", ".swp", ".tmp"))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _digest(file: Path, status: os.stat_result) -> bytes:
    if status.st_size > _HASHED_BYTES:
        return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}".encode()
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        return hashlib.blake2b(opened.read(_HASHED_BYTES + 1), digest_size=16).digest()


class ChangeQueue:
    """Collects the changes of a `Source` in a background thread; only the latest is kept."""

    def __init__(self, source: Source):
        self._source = source
        self._stop, self._has_change = threading.Event(), threading.Event()
        self._found: Digests = {}
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "ChangeQueue":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(2 * _LOOK_MS / 1000)

    def next(self) -> Digests:
        """Wait for the next save; return the digests after it."""
        while not self._has_change.wait(3600):
            pass
        self._has_change.clear()
        if self._problem is not None:
            raise self._problem
        return self._found

    def interrupt(self, *_: object) -> None:
        """Raise `Saved` if there was another save since."""
        if self._has_change.is_set():
            raise Saved

    def _run(self) -> None:
        try:
            for found in self._source.changes(self._stop):
                self._found = found
                self._has_change.set()
        except Exception as problem:
            self._problem = problem
            self._has_change.set()


def mentions(folder: Path, module: str, suffixes: Collection[str] = (".py",)) -> bool:
    """Whether any other file of the folder contains the module's name as a word."""
    word = re.compile(rb"\b" + re.escape(module.encode()) + rb"\b")
    for name, file in Source(folder).files():
        if name in {f"{module}{suffix}" for suffix in suffixes}:
            continue
        try:
            if file.is_file() and word.search(file.read_bytes()[:_HASHED_BYTES]):
                return True
        except OSError:
            return True
    return False
