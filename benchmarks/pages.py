"""How long a class's pages take: `python benchmarks/pages.py [PAGES] [PROCESSES]`, by default 300 on two processes.

One submission in which all exercises fall short is graded once, since that makes the largest pages; it is then written
as often as there are students, under a name of its own each time, from its record as a gradebook keeps it.
"""

import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec

from grader.course.loading import load_course
from grader.course.settings import read_settings
from grader.grading.session import open_session
from grader.records.grade import Record

ROOT = Path(__file__).resolve().parents[1]
WRONG = [ROOT / "solutions/my_rnn/truncated-gradient/my_rnn.py", *ROOT.glob("solutions/*/rate-too-low/*.py")]
PIECE = 10


def graded(folder: Path) -> bytes:
    """The record of a submission that falls short in every exercise, as a gradebook keeps it."""
    for file in WRONG:
        shutil.copy(file, folder)
    with open_session(read_settings(ROOT), device="cpu") as session:
        return msgspec.json.encode(session.record(folder, name="ada", seed=1).record)


def write(encoded: bytes, students: range, folder: str) -> int:
    """Write the pages of some students; the size of the largest."""
    page = load_course(read_settings(ROOT), entry_points=False).reports["html"].page
    largest = 0
    for student in students:
        record = msgspec.json.decode(encoded, type=Record)
        grade = msgspec.structs.replace(record.grade, submission=f"student {student}")
        text = page(grade, record.conditions, record.evidence)
        largest = max(largest, Path(folder, f"{student}.html").write_bytes(text.encode()))
    return largest


def main() -> None:
    count, processes = (int(word) for word in (*sys.argv[1:], *("300", "2")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        encoded = graded(Path(folder))
        cpu = time.process_time()
        write(encoded, range(10), folder)
        alone = time.process_time() - cpu
        print(f"one process, with its start: {alone / 10:.2f} CPU s for each of 10 pages")
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        pieces = [range(start, min(start + PIECE, count)) for start in range(0, count, PIECE)]
        with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as executor:
            sizes = list(executor.map(write, [encoded] * len(pieces), pieces, [folder] * len(pieces)))
        wall = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(f"{count} pages by {processes} processes: {wall:.1f} s, {cpu:.1f} CPU s (aim: 300 in less than 60 s)")
    print(f"the largest page: {max(sizes) / 1000:.0f} kB (aim: less than 400)")


if __name__ == "__main__":
    main()
