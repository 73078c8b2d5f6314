"""What a batch does in a minute, as ratios: `python benchmarks/batch.py [SUBMISSIONS [ROUNDS]]`.

Right submissions of `my_rnn` through slots of this machine, each grade written into a gradebook, no reports. Counted is
all from the first process that is started to the last grade. Against one pytest process per submission, as many at a
time as there are processors, with the same rule and checks (`checks_in_pytest.py`: nothing jailed, no grade kept).
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from grader.batch.gradebook import open_gradebook
from grader.batch.local_executor import LocalExecutor
from grader.batch.run import Batch
from grader.batch.worker import TaskSpec
from grader.course.fingerprint import hash_of_course
from grader.course.layouts import Member, Part, Upload
from grader.course.loading import Course, load_course
from grader.course.settings import read_settings

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "solutions" / "reference" / "my_rnn.py"
CHECKS = Path(__file__).with_name("checks_in_pytest.py")
PROCESSORS = len(os.sched_getaffinity(0))


def submissions(folder: Path, count: int) -> list[Path]:
    """Copies of the reference that differ in a comment: each is graded for itself."""
    files = []
    for number in range(count):
        files.append(folder / f"{number:04d}" / "my_rnn.py")
        files[-1].parent.mkdir()
        files[-1].write_text(f"{REFERENCE.read_text()}\n# {number}\n")
    return files


def by_batch(course: Course, files: list[Path], slots: int, folder: Path) -> float:
    """Submissions per minute into a new gradebook."""
    spec = TaskSpec(str(course.settings.folder), hash_of_course(course.settings), ["my_rnn"], "cpu", "none")
    uploads = [Upload([Member(file.parent.name)], [Part("", file.parent)]) for file in files]
    with tempfile.TemporaryDirectory(dir=folder) as name:
        with open_gradebook(f"sqlite:///{name}/gradebook.db", create=True) as book:
            batch = Batch(course, spec, book, seed=1)
            plan = batch.plan(uploads)
            started = time.perf_counter()
            with LocalExecutor(slots) as executor:
                percents = [done.grade.percent for done in batch.run(plan.todo, executor, slots)]
                seconds = time.perf_counter() - started
        assert percents == [100.0] * len(files), percents
    return 60 * len(files) / seconds


def by_pytest(files: list[Path], folder: Path) -> float:
    """Submissions per minute, a process each."""

    def run(file: Path) -> None:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
        command += ["--junitxml", str(file.with_suffix(".xml")), str(CHECKS)]
        subprocess.run(
            command, check=True, cwd=folder, capture_output=True, env={**os.environ, "SUBMISSION": str(file)}
        )

    started = time.perf_counter()
    with ThreadPoolExecutor(PROCESSORS) as pool:
        list(pool.map(run, files))
    return 60 * len(files) / (time.perf_counter() - started)


def main() -> None:
    count, rounds = (int(number) for number in [*sys.argv[1:], *("100", "3")[len(sys.argv) - 1 :]])
    course = load_course(read_settings(), entry_points=False)
    one, all_slots, alone = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = submissions(folder, count)
        for _ in range(rounds):  # in turn, so that a machine that slows down slows all
            alone.append(by_pytest(files[: 4 * PROCESSORS], folder))
            one.append(by_batch(course, files, 1, folder))
            all_slots.append(by_batch(course, files, PROCESSORS, folder))
            print(f"  pytest {alone[-1]:.0f}, 1 slot {one[-1]:.0f}, {PROCESSORS} slots {all_slots[-1]:.0f} per minute")
    pytests, single, several = (statistics.median(found) for found in (alone, one, all_slots))
    print(
        f"submissions per minute: {several:.0f} with {PROCESSORS} slots, {single:.0f} with one, "
        f"{pytests:.0f} with a pytest process each, {PROCESSORS} at a time\n"
        f"{PROCESSORS} slots against pytest   {several / pytests:5.1f} times as many (aim: 10)\n"
        f"{PROCESSORS} slots against one      {several / single:5.2f} times as many (aim for 2: 1.5)"
    )


if __name__ == "__main__":
    main()
