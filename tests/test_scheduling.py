"""What `scheduling.py` promises to `make test`: who stays together, and what comes first."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
FILE = "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test_it(n):\n    pass\n"
VERIFYING = """
import pytest

@pytest.fixture
def verified():
    pass

@pytest.mark.parametrize("exercise", ["copy_first", "adding_problem"])
def test_verify_passes(verified, exercise):
    pass

@pytest.mark.parametrize("exercise", ["copy_first", "adding_problem"])
def test_pages_of_all_solutions_are_readable(verified, exercise):
    pass
"""
FILES = {"test_a": FILE, "test_b": FILE, "test_c": FILE, "tests/exercises/test_solutions": VERIFYING}


@pytest.fixture
def run_pytest(tmp_path):
    """What pytest prints in a folder with these files."""

    def run(*options, **files):
        for name, text in {**FILES, **files}.items():
            (tmp_path / f"{name}.py").parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / f"{name}.py").write_text(text)
        command = [sys.executable, "-m", "pytest", "-p", "scheduling", "-p", "no:cacheprovider", *options]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRADE_", "PYTEST_"))}
        clean["PYTHONPATH"] = str(ROOT / "tests")
        done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=120)
        return done.stdout + done.stderr

    return run


def test_files_and_verifications_stay_in_one_process(run_pytest):
    said = run_pytest("-v", "-n", "2")
    ran = re.findall(r"^\[(gw\d)\] \[.*\] PASSED (\S+)", said, re.MULTILINE)
    assert len(ran) == 22, said
    for together in ("test_a", "test_b", "test_c", "copy_first", "adding_problem"):
        assert len({process for process, test in ran if together in test}) == 1, said
    assert {process for process, _ in ran} == {"gw0", "gw1"}


def test_what_takes_longest_comes_first(run_pytest):
    listed = [line for line in run_pytest("--collect-only", "-q").splitlines() if "::" in line]
    assert listed[:5] == [
        "tests/exercises/test_solutions.py::test_verify_passes[adding_problem]",
        "tests/exercises/test_solutions.py::test_pages_of_all_solutions_are_readable[adding_problem]",
        "tests/exercises/test_solutions.py::test_verify_passes[copy_first]",
        "tests/exercises/test_solutions.py::test_pages_of_all_solutions_are_readable[copy_first]",
        "test_a.py::test_it[0]",
    ]


def test_nothing_is_verified_twice(run_pytest):
    """In another process, which has not seen the first time."""
    said = run_pytest("-q", test_d=VERIFYING)
    assert "test_d.py::test_verify_passes[copy_first] uses `verified`, and VERIFYING" in said


def test_what_comes_first_is_still_there():
    scheduling = sys.modules["scheduling"]
    for name in scheduling.FIRST:
        file, _, test = name.partition("::")
        place = ROOT / "exercises" / name.removeprefix("verified ") if name.startswith("verified ") else ROOT / file
        assert place.exists(), name
        assert f"def {test}" in (place.read_text() if place.is_file() else f"def {test}"), name
