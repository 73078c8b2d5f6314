"""What a right submission costs: CPU seconds of grading `solutions/reference`, exercise by exercise, on one core.

    python benchmarks/solutions.py [SEED]

Counted is the processor time of everything that runs: `grade`, the zygote, the workers.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def cpu_seconds() -> float:
    """Processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def submit(*options: str) -> tuple[dict, float]:
    """The answer to grading the reference, and the CPU seconds it took."""
    before = cpu_seconds()
    command = [sys.executable, "-m", "grader", "submit", str(ROOT / "solutions" / "reference"), "--format", "json"]
    done = subprocess.run([*command, *options], capture_output=True, check=True, text=True)
    return json.loads(done.stdout), cpu_seconds() - before


def main() -> None:
    seed = sys.argv[1] if len(sys.argv) > 1 else "1"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    answer, whole = submit("--seed", seed)
    for exercise in answer["exercises"]:
        alone, seconds = submit("--seed", seed, "--exercise", exercise["id"])
        print(f"{exercise['id']:20} {seconds:6.1f} CPU s with starting up   {alone['percent']:g} %")
        sys.stdout.flush()
    print(f"{'all, in one run':20} {whole:6.1f} CPU s (aim: at most 60)   {answer['percent']:g} %")


if __name__ == "__main__":
    main()
