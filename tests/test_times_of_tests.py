"""`benchmarks/tests.py` adds up what a run of the tests took, by file."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "tests.py"


@pytest.fixture
def report(tmp_path):
    """Write the report of a run, from (class name, seconds) of each test."""

    def write(name, *cases):
        tests = "".join(
            f'<testcase classname="{where}" name="test_{n}" time="{s}"/>' for n, (where, s) in enumerate(cases)
        )
        (tmp_path / name).write_text(f"<testsuites><testsuite>{tests}</testsuite></testsuites>")
        return tmp_path / name

    return write


def printed(*reports):
    done = subprocess.run([sys.executable, SCRIPT, *reports], capture_output=True, text=True)
    return done.returncode, [line.split() for line in done.stdout.splitlines()]


def test_seconds_are_added_up_by_file(report):
    cases = [("tests.a.test_one", 1.25), ("tests.test_two", 3), ("tests.a.test_one.TestIt", 0.5)]
    status, lines = printed(report("one.xml", *cases))
    assert status == 0
    assert lines[:3] == [["3.0", "tests/test_two.py"], ["1.8", "tests/a/test_one.py"], ["4.8", "sum"]]


def test_two_runs_stand_side_by_side(report):
    """The dearest of the second first; a file that one of them lacks is in the table too."""
    before = report("before.xml", ("tests.test_a", 10), ("tests.test_gone", 2))
    after = report("after.xml", ("tests.test_a", 4), ("tests.test_new", 5))
    status, lines = printed(before, after)
    assert status == 0
    assert lines[:4] == [
        ["0.0", "5.0", "new", "tests/test_new.py"],
        ["10.0", "4.0", "40%", "tests/test_a.py"],
        ["2.0", "0.0", "0%", "tests/test_gone.py"],
        ["12.0", "9.0", "75%", "sum"],
    ]


def test_the_ten_slowest_files_are_listed_for_each_run(report):
    run = report("run.xml", *((f"tests.test_{n:02}", n) for n in range(12)))
    _, lines = printed(run)
    slowest = lines[lines.index(["The", "10", "slowest", "files", "of", f"{run}:"]) + 1 :]
    assert slowest == [[f"{n}.0", f"tests/test_{n:02}.py"] for n in range(11, 1, -1)]


def test_without_a_report_the_usage_is_said():
    assert printed()[0] == 2
