"""From a saved change of `my_rnn.py` to the answer of `grade watch`, once warm: `python benchmarks/watch.py`.

The time runs from the moment the file is written to the last line of the answer. Nothing here asserts a time.
"""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MISTAKES = [ROOT / "solutions" / "my_rnn" / name / "my_rnn.py" for name in ("missing-bias", "relu", "time-first")]
VERSIONS = [ROOT / "solutions" / "reference" / "my_rnn.py", *MISTAKES]
LAST_WORDS = "The report: "
SAVES = 20


def answered(watch: "subprocess.Popen[str]") -> None:
    """Read to the end of the next answer."""
    assert watch.stdout is not None
    for line in watch.stdout:
        if LAST_WORDS in line:
            return
    raise SystemExit("grade watch ended before it answered")


def seconds_of(folder: Path, watched: str) -> list[float]:
    """The seconds of each of so many saves, one after the other."""
    file = folder / "my_rnn.py"
    file.write_bytes(VERSIONS[0].read_bytes())
    command = [sys.executable, "-m", "grader", "watch", watched]
    watch = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        answered(watch)
        found = []
        for number in range(1, SAVES + 1):
            data = VERSIONS[number % len(VERSIONS)].read_bytes()
            started = time.perf_counter()
            file.write_bytes(data)
            answered(watch)
            found.append(time.perf_counter() - started)
        return found
    finally:
        watch.send_signal(signal.SIGINT)
        watch.wait()


def main() -> None:
    for watched, what in (("my_rnn.py", "a file alone"), (".", "a folder of all starters")):
        with tempfile.TemporaryDirectory() as name:
            if watched == ".":
                for starter in ROOT.glob("exercises/*/starter.py"):
                    (Path(name) / f"{starter.parent.name}.py").write_bytes(starter.read_bytes())
            found = seconds_of(Path(name), watched)
            print(
                f"{what:26} {statistics.median(found):5.2f} s from save to answer, the median of {len(found)} "
                f"(slowest {max(found):.2f}; aim: at most 2)"
            )


if __name__ == "__main__":
    main()
