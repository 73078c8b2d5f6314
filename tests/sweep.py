"""Grade every reference, style and variant with many seeds: `make sweep`, or

    python tests/sweep.py [--seeds N] [--jobs N] [--course DIR] [PATH...]

Each is graded with seed 1, then each with seed 2, and so on, in the real jail, as `grade submit` grades. Each result is
written to `sweep-results/results.jsonl` at once, which git ignores, and is not graded again while the submission, the
course, the grader and the versions of its packages stay what they were: so a sweep can be stopped at any time, and goes
on where it was. What fell short is written to `tests/exercises/fell_short.json`, which is to be committed. CI grades it
from then on, and fails until it is mended, or until `open` there says why it may happen again.

Exit codes: 0 all promises were kept, 1 some were not, 2 usage, 3 a grading failed, 130 and 143 stopped.
"""

import argparse
import atexit
import contextlib
import functools
import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import NamedTuple, NoReturn

import msgspec
from submissions import KINDS, Submission, broken_promises, fall_of, note_fall, submissions_in

from grader.batch.local_executor import LocalExecutor
from grader.course.calibration import upper_limit
from grader.course.fingerprint import hash_of_course
from grader.course.settings import CourseError, read_settings
from grader.grading.session import Session, open_session
from grader.records.versions import versions

ROOT = Path(__file__).resolve().parents[1]
_ENOUGH = 5
"""So many gradings that fail, and no more are tried: a course that cannot be loaded fails them all."""
_HEAD = ("exercise", "kind", "submissions", "gradings", "fell short", "rate", "at most", "seconds")


class Result(msgspec.Struct, frozen=True):
    """One grading: a line of the file of results."""

    exercise: str
    kind: str
    path: str
    seed: int
    hash: str
    """Of all that decides it: the submission, what it promises, the course, the grader, versions of packages."""
    problems: list[str]
    """The promises that were broken; none where all is as it should be."""
    seconds: float


class Pair(NamedTuple):
    """A submission to be graded with a seed, and the hash of all that decides its result."""

    submission: Submission
    seed: int
    hash: str

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.submission.exercise, self.submission.path, self.seed, self.hash


# In the processes that grade.


@functools.cache
def session_in(course: Path) -> tuple[Session, contextlib.ExitStack]:
    """The session of this process, and what closes it; it is also closed where the process is ended."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)

    def end(*_: object) -> NoReturn:
        with contextlib.suppress(Exception):
            stack.close()
        os._exit(1)  # the executor's loop would catch whatever is raised here, and go on

    signal.signal(signal.SIGTERM, end)
    return stack.enter_context(open_session(read_settings(course), device="cpu")), stack


def grade(pair: Pair) -> Result:
    """Grade one submission with one seed in the session of this process; after a failure the next gets a fresh one."""
    submission, seed, hash = pair
    session, stack = session_in(submission.course)
    (exercise,) = (found for found in session.exercises if found.id == submission.exercise)
    try:
        with session.staged(submission.folder) as staged:
            answer = session.grade_exercise(staged, exercise, seed=seed)
        problems = broken_promises(submission, exercise, answer)
    except Exception:
        session_in.cache_clear()
        stack.close()
        raise
    return Result(submission.exercise, submission.kind, submission.path, seed, hash, problems, answer.seconds)


# In the process that was started.


def hash_of(submission: Submission, course_hash: str) -> str:
    """A hash of all that decides the result of a grading, but for its seed and the machine."""
    digest = hashlib.blake2b(course_hash.encode(), digest_size=8)
    for folder in (submission.folder, submission.mistake):
        files = sorted(folder.rglob("*")) if folder is not None else []
        for file in (file for file in files if file.is_file() and "__pycache__" not in file.parts):
            data = file.read_bytes()
            digest.update(f"{file.relative_to(folder).as_posix()}:{len(data)}:".encode())
            digest.update(data)
    return digest.hexdigest()


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


class Sweep:
    """The gradings of one course that were asked for."""

    def __init__(self, course: Path, results: Results, seeds: int, folders: Sequence[Path]):
        self.course, self.results = course, results
        course_hash = hash_of_course(read_settings(course)) + json.dumps(versions(), sort_keys=True)
        found = submissions_in(course)
        if folders:
            found = [each for each in found if any(each.folder.resolve().is_relative_to(path) for path in folders)]
        hashes = {submission: hash_of(submission, course_hash) for submission in found}
        self.pairs = [Pair(each, seed, hashes[each]) for seed in range(1, seeds + 1) for each in found]

    @property
    def missing(self) -> list[Pair]:
        """What was not graded yet, one seed after the other."""
        return [pair for pair in self.pairs if pair.key not in self.results.known]

    @property
    def found(self) -> list[Result]:
        """What was graded."""
        return [self.results.known[pair.key] for pair in self.pairs if pair.key in self.results.known]

    def run(self, jobs: int) -> int:
        """Grade what is missing; how many gradings failed: enough of them end it. A stop keeps what was finished."""
        missing = {pair.key: pair for pair in self.missing}
        executor = LocalExecutor(jobs)
        waiting: dict[Future[Result], Pair] = {}
        failures = 0
        try:
            waiting = {executor.submit(grade, pair): pair for pair in missing.values()}
            for future in as_completed(list(waiting)):
                pair = waiting[future]
                del missing[pair.key]
                failures += not self._keep(future, pair, self.results.seconds(missing.values()) / jobs)
                if failures == _ENOUGH:
                    break
        except KeyboardInterrupt:
            executor.shutdown(wait=False, cancel_futures=True)
            for future, pair in waiting.items():
                if future.done() and not future.cancelled() and pair.key not in self.results.known:
                    self._keep(future, pair, 0.0)
            raise
        executor.shutdown(cancel_futures=True)
        return failures

    def _keep(self, future: "Future[Result]", pair: Pair, left: float) -> bool:
        """Write down and print what became of a grading; whether it was graded at all."""
        submission, seed, _ = pair
        try:
            result = future.result()
        except Exception as problem:
            print(f"FAILED   {submission.name} seed {seed}: {type(problem).__name__}: {problem}", flush=True)
            return False
        self.results.add(result)
        word = "SHORT" if result.problems else "ok"
        count = f"{len(self.found)} of {len(self.pairs)}"
        print(f"{word:8} {submission.kind:10} {submission.name:48} seed {seed:<4} {result.seconds:6.1f} s  ", end="")
        print(f"{count}, {in_words(left)} left", flush=True)
        return True

    def note_falls(self) -> None:
        """Write down for CI what fell short."""
        for pair in self.pairs:
            result = self.results.known.get(pair.key)
            if result is not None and result.problems:
                note_fall(self.course, fall_of(pair.submission, pair.seed, result.problems))


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


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sweep", description="Grade references, styles and variants with many seeds.")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="only what is in these folders")
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="seeds 1 to N (default: 10)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")
    parser.add_argument("--course", type=Path, default=ROOT, metavar="DIR", help="default: this checkout")
    parser.add_argument("--table", action="store_true", help="grade nothing: show what is there")
    options = parser.parse_args(arguments)
    if options.seeds < 1 or options.jobs < 1:
        parser.error("--seeds and --jobs are at least 1")
    return options


def sweep_as_asked(options: argparse.Namespace) -> int:
    """Grade what is missing, or nothing, and print the table; the exit code."""
    course = options.course.resolve()
    results = Results(course / "sweep-results" / "results.jsonl")
    try:
        sweep = Sweep(course, results, options.seeds, [path.resolve() for path in options.paths])
    except CourseError as problem:
        print(f"sweep: {problem}", file=sys.stderr)
        return 2
    if not sweep.pairs:
        print("sweep: no reference, style or variant is there", file=sys.stderr)
        return 2
    try:
        failures = 0 if options.table else sweep.run(options.jobs)
    except KeyboardInterrupt:
        kept = f"{len(sweep.found)} of {len(sweep.pairs)} gradings are in {results.file}"
        print(f"sweep: {kept}; the same command goes on from there", file=sys.stderr)
        raise
    finally:
        sweep.note_falls()
    print("", *table(sweep.found), sep="\n", flush=True)
    return 3 if failures else int(any(result.problems for result in sweep.found))


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code."""
    options = options_of(arguments)
    stops = _stops()
    try:
        return sweep_as_asked(options)
    except KeyboardInterrupt:
        print("sweep: stopped", file=sys.stderr, flush=True)
        return 128 + stops[0]


def _stops() -> list[int]:
    """The first signal that stops the sweep, once it came: as `KeyboardInterrupt`. Further ones do nothing."""
    signals = (signal.SIGINT, signal.SIGTERM)
    stops: list[int] = []

    def stop(number: int, _: object) -> NoReturn:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        stops.append(number)
        raise KeyboardInterrupt

    for each in signals:
        signal.signal(each, stop)
    return stops


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
