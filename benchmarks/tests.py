"""Seconds of the tests per file, from what `pytest --junit-xml` wrote: of one run, or of two side by side.

    PYTEST_ADDOPTS=--junit-xml=before.xml make test
    python benchmarks/tests.py before.xml [after.xml]

Seconds are wall clock, with what fixtures took; of a run on several processes they add up to more than it lasted.
"""

import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

DEAREST = 10


def seconds_per_file(report: Path) -> Counter[str]:
    """The seconds of each file's tests, by its path. Raises `OSError`, `ET.ParseError`."""
    found: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):
        # a test in a class has the name of its class behind that of its file
        file = re.sub(r"(\.[A-Z]\w*)+$", "", case.get("classname", "")).replace(".", "/")
        found[f"{file}.py"] += float(case.get("time", 0))  # type: ignore[assignment]
    return found


def table(*runs: Counter[str]) -> list[str]:
    """A line for each file, the dearest of the last run first; with two runs their ratio too; the sum at the end."""
    files = sorted({file for run in runs for file in run}, key=lambda file: [-run[file] for run in reversed(runs)])
    return [_line(file, *(run[file] for run in runs)) for file in files] + [
        _line("sum", *(run.total() for run in runs))
    ]


def dearest(run: Counter[str]) -> list[str]:
    """The files that take longest, with their seconds."""
    return [_line(file, seconds) for file, seconds in run.most_common(DEAREST)]


def _line(name: str, *seconds: float) -> str:
    cells = "".join(f"{value:9.1f}" for value in seconds)
    if len(seconds) == 2:
        before, after = seconds
        cells += f"{after / before:8.0%}" if before else "     new"
    return f"{cells}  {name}"


def main(*reports: str) -> int:
    """Print the table, and the slowest files of each run."""
    if not 1 <= len(reports) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    runs = [seconds_per_file(Path(report)) for report in reports]
    print("\n".join(table(*runs)))
    for report, run in zip(reports, runs, strict=True):
        print(f"\nThe {DEAREST} slowest files of {report}:", *dearest(run), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
