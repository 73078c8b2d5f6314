"""Sees that something was saved: what lies in a file or folder, each time that it has changed."""

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
"""A larger file counts as changed by its time."""
_QUIET_MS = 50
"""A save is over when nothing was written for so long."""
_LOOK_MS = 1000
"""What no notice was given of, on a network's disk or where a folder was made anew, is seen after so long."""

Digests = dict[str, bytes]
"""A digest of each file of a submission, by its path inside; empty where there is nothing."""


class Saved(BaseException):
    """Something was saved while it was graded. Not an `Exception`: no check may take it for its own."""


class Source:
    """A file or folder that is being worked on; it may not be there yet, and may come and go."""

    def __init__(self, path: Path):
        self.path = Path(os.path.abspath(path))  # noqa: PTH100  (`resolve` follows links, which may be made anew)
        self._known: dict[str, tuple[tuple[int, ...], bytes]] = {}

    def digests(self) -> Digests:
        """What lies there now. A file is read again only where its time or size changed."""
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
                continue  # gone again
        self._known = found
        return {name: digest for name, (_, digest) in found.items()}

    def changes(self, stop: threading.Event) -> Iterator[Digests]:
        """What lies there, at once and whenever it has changed, until `stop` is set."""
        seen: Digests | None = None
        while not stop.is_set():
            for found in self._looks(stop):
                if found != seen:
                    seen = found
                    yield found

    def _looks(self, stop: threading.Event) -> Iterator[Digests]:
        """What lies there, at each notice and every second, until the folder that is watched is another one."""
        watched = self.path if self.path.is_dir() else self.path.parent
        identity = _identity(watched)
        try:
            notices = watchfiles.watch(
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
            for _ in notices:
                yield self.digests()
                is_folder = self.path.is_dir()
                if _identity(watched) != identity or is_folder != (watched == self.path):
                    return
        except OSError:  # the folder is gone, or the system gives no more notices: look by the clock
            stop.wait(_LOOK_MS / 1000)
            yield self.digests()

    def files(self) -> Iterator[tuple[str, Path]]:
        """The files that may be part of it, by their paths inside; of a folder that is too large, the first ones."""
        if not self.path.is_dir():
            yield self.path.name, self.path
            return
        seen = 0
        for folder, folders, files in os.walk(self.path):
            folders[:] = sorted(name for name in folders if not _is_ignored(name))
            seen += len(files) + len(folders)
            if seen > _SEEN:  # a home folder: looked at every second, it would keep a processor busy
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
    """The changes of a `Source`, seen in a thread of its own; only the latest is kept."""

    def __init__(self, source: Source):
        self._source = source
        self._stop, self._news = threading.Event(), threading.Event()
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
        """Wait for the next save; what lies there then."""
        while not self._news.wait(3600):
            pass
        self._news.clear()
        if self._problem is not None:
            raise self._problem
        return self._found

    def interrupt(self, *_: object) -> None:
        """Raise `Saved` if there was another save."""
        if self._news.is_set():
            raise Saved

    def _run(self) -> None:
        try:
            for found in self._source.changes(self._stop):
                self._found = found
                self._news.set()
        except Exception as problem:
            self._problem = problem
            self._news.set()


def mentions(folder: Path, module: str, suffixes: Collection[str] = (".py",)) -> bool:
    """Whether a file of the folder but the module's own has its name in it, as a word, in whatever sense."""
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
