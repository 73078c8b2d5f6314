"""Performance as ratios: `python benchmarks/run.py`. Nothing here asserts a time; machines differ, ratios less so.

Each figure is a median; the two sides of a ratio are timed in turn, so that a machine that slows down slows both.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "solutions" / "reference" / "my_rnn.py"
IMPORT_TORCH = [sys.executable, "-c", "import torch"]


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def in_turn(first: Callable[[], object], second: Callable[[], object], runs: int) -> tuple[float, float]:
    """Medians of two actions, timed A B A B ..., after one uncounted run of each."""
    first(), second()
    pairs = [(seconds(first), seconds(second)) for _ in range(runs)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def process(command: list[str], folder: Path) -> Callable[[], object]:
    """Run a command to its end, in a folder of its own."""
    return lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True)


def ready_worker(folder: Path) -> None:
    """Request to ready worker, against a fresh interpreter that imports torch."""
    from grader.jail.host import Jail
    from grader.records.limits import Limits

    with Jail() as zygote:
        entry = zygote.new_entry()
        entry.chmod(0o755)

        def spawn() -> float:
            started = time.perf_counter()
            worker = zygote.spawn(entry.name, Limits())
            elapsed = time.perf_counter() - started
            worker.close()
            return elapsed

        spawn()
        spawned = statistics.median(spawn() for _ in range(30))
    imported = statistics.median(seconds(process(IMPORT_TORCH, folder)) for _ in range(5))
    print(
        f"ready worker            {spawned * 1e3:7.1f} ms   import torch {imported:5.2f} s   "
        f"{imported / spawned:5.0f} times faster (aim: 50)"
    )


def one_submission(folder: Path) -> None:
    """`grade submit` of my_rnn alone, from the shell, against importing torch."""
    command = [sys.executable, "-m", "grader", "submit", str(REFERENCE), "--exercise", "my_rnn"]
    submitted, imported = in_turn(process(command, folder), process(IMPORT_TORCH, folder), 7)
    print(
        f"grade submit            {submitted:7.2f} s    import torch {imported:5.2f} s   "
        f"{submitted / imported:5.2f} times as long (aim: at most 2.5)"
    )


def warm_zygote() -> None:
    """Twenty submissions through one warm zygote, all checks, on one processor."""
    import torch

    from grader.course.loading import load_course
    from grader.course.settings import read_settings
    from grader.grading.grading import grade
    from grader.intake.staging import stage, unstage
    from grader.jail.host import Jail
    from grader.records.limits import Limits

    torch.set_num_threads(1)
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})  # inherited by the zygote and its workers
    try:
        course = load_course(read_settings())
        exercises = course.pick(("my_rnn",))
        with Jail() as zygote:
            zygote.ready()

            def submission() -> None:
                staged = stage(REFERENCE, zygote, Limits())
                answer = grade(staged, exercises, course, zygote, level="strong", seed=1)
                assert answer.percent == 100, answer
                unstage(staged, zygote)

            submission()
            each = [seconds(submission) for _ in range(20)]
    finally:
        os.sched_setaffinity(0, processors)
    print(
        f"warm zygote, one core   {statistics.mean(each):7.3f} s for each of twenty submissions with all checks "
        f"(slowest {max(each):.3f}; aim: at most 0.3)"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        ready_worker(Path(name))
        one_submission(Path(name))
    warm_zygote()


if __name__ == "__main__":
    main()
