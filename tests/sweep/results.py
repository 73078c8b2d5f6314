"""What a sweep found: the file in which it is kept, and the table."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from gradings import Pair, Result
from submissions import KINDS

_HEAD = ("exercise", "kind", "submissions", "gradings", "fell short", "rate", "at most", "seconds")


class Results:
    """The file of results: lines are added, and those that are no result are passed over."""

    def __init__(self, file: Path):
        self.file = file
        self.known: dict[tuple[str, str, int, str], Result] = {}
        self._seconds: dict[tuple[str, str], float] = {}
        for line in file.read_bytes().splitlines() if file.is_file() else []:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):  # cut while it was written
                self._know(msgspec.json.decode(line, type=Result))

    def add(self, result: Result) -> None:
        """Write a result down at once, on a line of its own."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a+b") as file:
            file.seek(max(0, file.tell() - 1))
            is_cut = file.read(1) not in (b"", b"\n")
            file.write((b"\n" if is_cut else b"") + msgspec.json.encode(result) + b"\n")
        self._know(result)

    def seconds(self, pairs: Iterable[Pair]) -> float:
        """About how long pairs will take: as the last time, else as others took."""
        known = self._seconds
        usual = sum(known.values()) / len(known) if known else 0.0
        return sum(known.get((pair.submission.exercise, pair.submission.path), usual) for pair in pairs)

    def _know(self, result: Result) -> None:
        self.known[result.exercise, result.path, result.seed, result.hash] = result
        self._seconds[result.exercise, result.path] = result.seconds


def in_words(seconds: float) -> str:
    """About how long: `40 s`, `12 min`, `3 h 5 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def table(results: Sequence[Result]) -> Iterator[str]:
    """A line for each exercise and kind, one for each kind, and then what fell short."""
    if not results:
        yield "nothing was graded yet"
        return
    from grader.course.calibration import upper_limit

    yield "{:20} {:10} {:>11} {:>8} {:>10} {:>7} {:>7} {:>8}".format(*_HEAD)
    for exercise in [*sorted({result.exercise for result in results}), None]:
        for kind in KINDS:
            of_it = [r for r in results if r.kind == kind and exercise in (r.exercise, None)]
            if not of_it:
                continue
            short = sum(bool(result.problems) for result in of_it)
            counts = f"{len({(r.exercise, r.path) for r in of_it}):11} {len(of_it):8} {short:10}"
            rates = f"{short / len(of_it):7.2%} {upper_limit(short, len(of_it)):7.2%}"
            yield f"{exercise or 'all':20} {kind:10} {counts} {rates} {sum(r.seconds for r in of_it):8.0f}"
    yield "(at most: the exact one-sided 95 % limit of the rate)"
    for result in results:
        if result.problems:
            yield f"\nfell short: {result.path}, {result.exercise}, seed {result.seed}"
            yield from (f"    {' '.join(problem.split())}" for problem in result.problems)
