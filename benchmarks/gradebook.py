"""How `grade report` and `grade export` bear a large gradebook: time and memory with many small synthetic grades.

python benchmarks/gradebook.py [--rows 10000]
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.batch.gradebook import Gradebook, open_gradebook
from grader.course.loading import load_course
from grader.course.settings import read_settings
from grader.records.grade import Conditions, ExerciseGrade, Grade, HandIn, Record, Verdict

FORMATS = ("csv", "json", "junit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/grades.db"
        with open_gradebook(url, create=True) as book:
            seconds = _timed(lambda: _fill(book, rows))
        print(f"{rows} grades written one by one: {seconds:.1f} s")
        for name in FORMATS:
            _run(f"grade export {name}", ["export", name, "--gradebook", url, "--output", f"{folder}/out.{name}"])
        _run("grade report", ["report", "--gradebook", url, "--output", f"{folder}/report"])
        pages = [file.stat().st_size for file in Path(folder, "report").glob("*.html")]
        print(f"the class: {len(pages)} pages, the largest {max(pages) / 1024:.0f} KiB")


def _fill(book: Gradebook, rows: int) -> None:
    """Grades of the bundled exercises, each check passed, failed or skipped by chance."""
    exercises = load_course(read_settings(), entry_points=False).exercises
    chance = random.Random(7)
    for number in range(rows):
        student = f"s{number:05}"
        book.hand_in(HandIn(student, f"Student {number}", None, chance.random() < 0.1), "", student)
        graded = []
        for exercise in exercises:
            verdicts = []
            for check in exercise.checks:
                passed = chance.random() < 0.7
                hint = None if passed else f"Look at line {chance.randrange(60)}."
                status = "passed" if passed else "failed"
                points = check.points if passed else 0.0
                verdicts.append(Verdict(check.id, check.promise, status, points, check.points, "what was seen", hint))
            points = round(sum(verdict.points for verdict in verdicts), 2)
            graded.append(
                ExerciseGrade(
                    exercise.id, exercise.title, "graded", None, points, exercise.max_points, 1.0, [], [], verdicts
                )
            )
        points = round(sum(one.points for one in graded), 2)
        most = sum(one.max_points for one in graded)
        percent = round(100 * points / most, 2)
        grade = Grade(1, "s", "graded", None, points, most, percent, "cpu", "full", number, 5.0, [], graded)
        record = Record(grade, Conditions("grade submit submission", {}, {}, []), {})
        book.write(student, "course", [exercise.id for exercise in exercises], record, {}, lambda *_: [])


def _run(what: str, arguments: list[str]) -> None:
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "grader", *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{what} failed")
    print(f"{what}: {time.monotonic() - started:.1f} s, {used.ru_maxrss / 1024:.0f} MiB")


def _timed(function: object) -> float:
    started = time.monotonic()
    function()  # type: ignore[operator]
    return time.monotonic() - started


if __name__ == "__main__":
    main()
