"""What `grade watch` does between two saves: sees that something was saved, grades what it touches, compares.

What is graded comes in two answers: first all that needs no training, then everything. A save stops what is under way.
"""

import hashlib
import os
import re
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import watchfiles

from grader.authoring.exercise import Exercise
from grader.jail.shared.ignored import IGNORED
from grader.records.grade import ExerciseGrade

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
        for name, file in self._files():
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

    def _files(self) -> Iterator[tuple[str, Path]]:
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


class Desk:
    """Takes what `Source.changes` tells, in a thread of its own, and says whether there is something new."""

    def __init__(self, source: Source):
        self._source = source
        self._stop, self._news = threading.Event(), threading.Event()
        self._found: Digests = {}
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Desk":
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


def without_training(exercise: Exercise) -> Exercise:
    """The exercise with the checks that neither train nor need what a training showed."""
    trained: set[str] = set()
    for check in exercise.checks:
        if check.task is not None or trained & set(check.needs):
            trained.add(check.id)
    return replace(exercise, checks=[check for check in exercise.checks if check.id not in trained])


def touched(
    exercises: Iterable[Exercise], before: Digests, after: Digests, mentions: Callable[[str], bool]
) -> set[str]:
    """The ids of the exercises that a save may have changed the grade of.

    All, unless it was in their own modules only, which no other file `mentions`; those without a module of their own
    may be anywhere.
    """
    modules = {f"{exercise.id}.py": exercise.id for exercise in exercises}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if any(name not in modules or mentions(modules[name]) for name in changed):
        return set(modules.values())
    return {exercise for name, exercise in modules.items() if name in changed or name not in after}


def mentions(folder: Path, module: str) -> bool:
    """Whether a file of the folder but the module's own has its name in it, as a word, in whatever sense."""
    word = re.compile(rb"\b" + re.escape(module.encode()) + rb"\b")
    for name, file in Source(folder)._files():
        if name == f"{module}.py":
            continue
        try:
            if file.is_file() and word.search(file.read_bytes()[:_HASHED_BYTES]):
                return True
        except OSError:
            return True
    return False


@dataclass(frozen=True)
class Difference:
    """What one check, or an exercise as a whole, came to since it was last judged."""

    exercise: str
    check: str | None
    points: float
    """Gained, or lost if negative."""
    words: str


@dataclass
class Standing:
    """What is known of a submission after some saves: the latest verdict of every check, by exercise."""

    grades: dict[str, ExerciseGrade] = field(default_factory=dict)
    stale: dict[str, set[str]] = field(default_factory=dict)
    """The checks of each exercise whose verdict is from before the last save, or that have none yet."""

    def doubt(self, exercise: Exercise) -> None:
        """A save may have changed it."""
        self.stale[exercise.id] = {check.id for check in exercise.checks}

    def take(self, exercise: Exercise, found: ExerciseGrade) -> list[Difference]:
        """Note what some or all of an exercise's checks came to; what is different from before."""
        before = self.grades.get(exercise.id)
        verdicts = {verdict.id: verdict for verdict in [*(before.checks if before else []), *found.checks]}
        checks = [verdicts[check.id] for check in exercise.checks if check.id in verdicts]
        self.grades[exercise.id] = msgspec.structs.replace(found, checks=checks, max_points=exercise.max_points)
        self.stale.setdefault(exercise.id, set()).difference_update(verdict.id for verdict in found.checks)
        return list(_differences(before, found)) if before else []

    def current(self, exercise: str) -> ExerciseGrade:
        """An exercise's grade as far as it has been judged since the last save."""
        grade = self.grades[exercise]
        checks = [verdict for verdict in grade.checks if verdict.id not in self.stale[exercise]]
        points = round(sum(verdict.points for verdict in checks), 2)
        most = round(sum(verdict.max_points for verdict in checks), 2)
        return msgspec.structs.replace(grade, checks=checks, points=points, max_points=most)


def _differences(before: ExerciseGrade, after: ExerciseGrade) -> Iterator[Difference]:
    old = {verdict.id: verdict for verdict in before.checks}
    pairs = [(old[verdict.id], verdict) for verdict in after.checks if verdict.id in old]
    if before.status != after.status:
        words = "can be judged again" if after.status == "graded" else _STATUS_WORDS[after.status]
        yield Difference(after.id, None, round(sum(new.points - was.points for was, new in pairs), 2), words)
        return
    for was, new in pairs:
        points = round(new.points - was.points, 2)
        if points or new.status != was.status:
            yield Difference(after.id, new.id, points, _CHECK_WORDS[new.status])


_CHECK_WORDS = {
    "passed": "now passes",
    "partial": "now passes in part",
    "failed": "fails now",
    "error": "raises an error now",
    "skipped": "cannot be judged now",
}
_STATUS_WORDS = {
    "missing": "is not there any more",
    "error": "cannot be loaded or built now",
    "disallowed": "breaks a rule of the exercise now",
    "crashed": "ends its process now",
    "timeout": "does not come to an end now",
    "memory": "takes too much memory now",
    "broken": "could not be judged: the grader itself failed",
}
