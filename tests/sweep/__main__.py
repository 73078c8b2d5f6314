"""Grade every reference, style and variant with many seeds: `make sweep`, or

    python tests/sweep [--seeds N] [--jobs N] [--course DIR] [PATH...]

Each is graded with seed 1, then each with seed 2, and so on, in the real jail, as `grade submit` grades. Each result is
written to `sweep-results/results.jsonl` at once, which git ignores, and is not graded again while the submission, the
course, the grader and the versions of its packages stay what they were: so a sweep can be stopped at any time, and goes
on where it was. What fell short is written to `tests/exercises/fell_short.json`, which is to be committed. CI grades it
from then on, and fails until it is mended, or until `open` there says why it may happen again.

Exit codes: 0 all promises were kept, 1 some were not, 2 usage, 3 a grading failed, 130 and 143 stopped.
"""

import argparse
import hashlib
import inspect
import json
import signal
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import NoReturn

import submissions
from gradings import Pair, Result, grade
from results import Results, in_words, table
from submissions import Submission, fall_of, note_fall, submissions_in

from grader.batch.local_executor import LocalExecutor
from grader.course.fingerprint import hash_of_course
from grader.course.settings import CourseError, read_settings
from grader.records.versions import versions

ROOT = Path(__file__).resolve().parents[2]
_ENOUGH = 5
"""So many gradings that fail, and no more are tried: a course that cannot be loaded fails them all."""


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


class Sweep:
    """The gradings of one course that were asked for."""

    def __init__(self, course: Path, results: Results, seeds: int, folders: Sequence[Path]):
        self.course, self.results = course, results
        demanded = (submissions.broken_promises, submissions.lost, submissions.unlike)
        promises = "".join(map(inspect.getsource, demanded))
        course_hash = hash_of_course(read_settings(course)) + promises + json.dumps(versions(), sort_keys=True)
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
                del missing[waiting[future].key]
                failures += not self._keep(future, waiting[future], missing.values(), jobs)
                if failures == _ENOUGH:
                    break
        except KeyboardInterrupt:
            executor.shutdown(wait=False, cancel_futures=True)
            for future, pair in waiting.items():
                if future.done() and not future.cancelled() and pair.key not in self.results.known:
                    self._keep(future, pair, missing.values(), jobs)
            raise
        executor.shutdown(cancel_futures=True)
        return failures

    def _keep(self, future: "Future[Result]", pair: Pair, missing: Iterable[Pair], jobs: int) -> bool:
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
        left = in_words(self.results.seconds(missing) / jobs)
        print(f"{word:8} {submission.kind:10} {submission.name:48} seed {seed:<4} {result.seconds:6.1f} s  ", end="")
        print(f"{count}, about {left} left", flush=True)
        return True

    def note_falls(self) -> None:
        """Write down for CI what fell short."""
        for pair in self.pairs:
            result = self.results.known.get(pair.key)
            if result is not None and result.problems:
                note_fall(self.course, fall_of(pair.submission, pair.seed, result.problems))


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
