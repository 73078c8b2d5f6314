"""Two checkouts against each other: `python benchmarks/compare.py OLD NEW [--pairs 5] [--only NAME]`.

Each line is one command as a person runs it, timed in turn in both checkouts: medians of wall-clock and of processor
seconds, children included, and the ratio of the new to the old. Both run in this interpreter's environment, and both
grade the submissions of the new one, wherever the old one keeps its own.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

CLASS = 24
"""Submissions of the class that is graded."""


class Spent(NamedTuple):
    """What one run took."""

    wall: float
    processor: float


def run(checkout: Path, folder: Path, *arguments: str) -> None:
    """`grade ...` of a checkout, to its end."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GRADE_")}
    command = [sys.executable, "-m", "grader", *arguments]
    done = subprocess.run(
        command, cwd=folder, env={**environment, "PYTHONPATH": str(checkout)}, capture_output=True, text=True
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} in {checkout}:\n{done.stderr}")


def spent(action: Callable[[], None]) -> Spent:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    action()
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    return Spent(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def class_of(solutions: Path, folder: Path) -> Path:
    """A class of `my_rnn`, a student for each mistake, all different."""
    target = folder / "class"
    sources = sorted(solutions.glob("my_rnn/*/my_rnn.py"))[:CLASS]
    for number, source in enumerate(sources):
        (target / f"student-{number:03d}").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target / f"student-{number:03d}" / "my_rnn.py")
    return target


def actions(solutions: Path, folder: Path) -> Iterator[tuple[str, Callable[[Path, Path], None]]]:
    """Names, and functions of a checkout and an empty folder; both grade what one of them has in `solutions/`."""
    reference = str(solutions / "reference")
    students = str(class_of(solutions, folder))

    def submit(exercise: str) -> Callable[[Path, Path], None]:
        return lambda checkout, where: run(
            checkout, where, "submit", reference, "--exercise", exercise, "--seed", "7", "--output", "report"
        )

    def batch(checkout: Path, where: Path) -> None:
        run(checkout, where, "batch", students, "--exercise", "my_rnn", "--seed", "7", "--jobs", "2")

    def report(checkout: Path, where: Path) -> None:
        shutil.copytree(folder / f"graded-{checkout.name}", where, dirs_exist_ok=True)
        run(checkout, where, "report", "--jobs", "2")

    def export(checkout: Path, where: Path) -> None:
        shutil.copytree(folder / f"graded-{checkout.name}", where, dirs_exist_ok=True)
        run(checkout, where, "export", "csv", "--output", "grades.csv")

    yield "help", lambda checkout, where: run(checkout, where, "--help")
    yield "exercises", lambda checkout, where: run(checkout, where, "exercises")
    yield "submit my_rnn", submit("my_rnn")
    yield "submit adding_problem", submit("adding_problem")
    yield "submit name_classification", submit("name_classification")
    yield f"batch of {CLASS}", batch
    yield "report", report
    yield "export", export
    yield (
        "verify two",
        lambda checkout, where: run(
            checkout,
            where,
            *["verify", "my_rnn", "--seed", "7", "--only", "reference", "--only", "no-tanh", "--course"],
            str(checkout),
        ),
    )


def main() -> None:
    """Time every action in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only")
    chosen = parser.parse_args()
    old, new = chosen.old.resolve(), chosen.new.resolve()
    if old.name == new.name:
        raise SystemExit("name the two checkouts differently")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for checkout in (old, new):
            (folder / f"graded-{checkout.name}").mkdir()
        print(f"{'':26} {'wall old':>9} {'new':>7} {'ratio':>6}   {'CPU old':>8} {'new':>7} {'ratio':>6}")
        for title, action in actions(new / "solutions", folder):
            if chosen.only and chosen.only not in title and not title.startswith("batch"):
                continue
            pairs = []
            for number in range(chosen.pairs + 1):  # the first is not counted
                pair = []
                for checkout in (old, new):
                    where = folder / f"{title.replace(' ', '-')}-{checkout.name}-{number}"
                    where.mkdir()
                    pair.append(spent(lambda: action(checkout, where)))  # noqa: B023  (called at once)
                    if title.startswith("batch") and number == 0:
                        shutil.copytree(where, folder / f"graded-{checkout.name}", dirs_exist_ok=True)
                pairs.append(pair)
            walls, processors = (
                [statistics.median(getattr(pair[side], of) for pair in pairs[1:]) for side in (0, 1)]
                for of in ("wall", "processor")
            )
            print(
                f"{title:26} {walls[0]:8.2f}s {walls[1]:6.2f}s {walls[1] / walls[0]:6.2f}   "
                f"{processors[0]:7.2f}s {processors[1]:6.2f}s {processors[1] / processors[0]:6.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
