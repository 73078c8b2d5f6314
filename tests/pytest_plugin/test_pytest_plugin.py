"""`pytest --grade`: what a test explorer sees of an exercise; and that nobody notices the plugin who does not ask."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TINY = '''"""Write two functions."""

from grader import Exercise, Unmet, expect

exercise = Exercise("tiny", title="Tiny", statement=__doc__, names=("one",))


@exercise.rule(flag="forbidden")
def kept(student):
    """one() does not cheat."""
    expect(student.call("one") != "cheated", "one() cheats")


@exercise.check(points=3)
def answers(student):
    """one() is 1."""
    expect(student.call("one") == 1, "one() is something else", "Return 1.")


@exercise.check(points=1, needs=answers)
def halves(student):
    """one() is 1, in part."""
    return 0.5


@exercise.check(points=1)
def alone(student):
    """one() can be called."""
    student.call("one")
'''


@pytest.fixture
def run_pytest(tmp_path):
    """Run pytest in a folder of its own, with the installed plugin, as a student would."""
    (tmp_path / "course/exercises/tiny").mkdir(parents=True)
    (tmp_path / "course/exercises/tiny/__init__.py").write_text(TINY)
    work = tmp_path / "work"
    work.mkdir()

    def run(*arguments, **files):
        for name, source in files.items():
            (work / f"{name}.py").write_text(source)
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRADE_", "PYTEST_"))}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)]
        return subprocess.run(command, cwd=work, env=clean, capture_output=True, text=True, timeout=120)

    return run


def outcomes(result):
    """The outcome of each item, by its node id, of `pytest -v`."""
    return dict(re.findall(r"^(\S+::\S+) (PASSED|FAILED|SKIPPED|ERROR)", result.stdout, re.MULTILINE))


@pytest.mark.slow
def test_without_grade_nothing_is_imported_or_collected(run_pytest):
    """Of ours, the plugin and the package that it lies in; not torch either. pytest's own tests run as ever."""
    test = (
        "import sys\n"
        "def test_modules():\n"
        "    ours = {name for name in sys.modules if name.split('.')[0] == 'grader'}\n"
        "    names = ('', '.pytest_plugin', '.pytest_plugin.practice', '.pytest_plugin.proof')\n"
        "    assert ours == {f'grader{name}' for name in names}\n"
        "    assert 'torch' not in sys.modules and 'rich' not in sys.modules and 'msgspec' not in sys.modules\n"
    )
    result = run_pytest("-v", test_modules=test, tiny="raise SystemExit('imported')")
    assert result.returncode == 0, result.stdout
    assert outcomes(result) == {"test_modules.py::test_modules": "PASSED"}
    assert "grade:" not in result.stdout


@pytest.mark.slow
def test_each_check_is_a_test_with_its_reason_and_hint(run_pytest, tmp_path):
    """The module itself runs in the jail alone, whatever pytest is told to collect."""
    source = f"open({str(tmp_path / 'escaped')!r}, 'w')\ndef one():\n    return 2\n"
    options = ["--grade", "--grade-course", "../course", "--grade-seed", "7", "-v"]
    result = run_pytest(*options, "tiny.py", tiny=source, test_other="def test_mine(): pass")
    assert result.returncode == 1, result.stdout + result.stderr
    assert outcomes(result) == {
        "tiny.py::tiny": "PASSED",
        "tiny.py::answers": "FAILED",
        "tiny.py::halves": "SKIPPED",
        "tiny.py::alone": "PASSED",
    }
    for words in ("one() is something else", "Hint: Return 1.", "failed, 0 of 3 points", "waits for: one() is 1."):
        assert words in result.stdout
    assert "grade: tiny.py: 1 of 5 points, seed 7" in result.stdout
    assert "Traceback" not in result.stdout
    assert not (tmp_path / "escaped").exists()
    result = run_pytest(*options, tiny="def one(): return 1")
    assert outcomes(result)["test_other.py::test_mine"] == "PASSED"
    assert outcomes(result)["tiny.py::halves"] == "FAILED"
    assert "partial, 0.5 of 1 points" in result.stdout


@pytest.mark.slow
def test_a_chosen_check_runs_with_what_it_needs_and_no_more(run_pytest):
    options = ["--grade", "--grade-course", "../course", "-v"]
    result = run_pytest(*options, "tiny.py::halves", tiny="def one(): return 1")
    assert outcomes(result) == {"tiny.py::halves": "FAILED"}
    assert "grade: tiny.py: 3.5 of 4 points" in result.stdout


@pytest.mark.slow
def test_what_cannot_be_judged_fails(run_pytest, tmp_path):
    """Skipped checks alone would look like a success, to an editor and to CI."""
    for name in ("empty", "forbidden"):
        (tmp_path / f"course/exercises/{name}").mkdir()
        (tmp_path / f"course/exercises/{name}/__init__.py").write_text(TINY.replace('"tiny"', f'"{name}"'))
    options = ["--grade", "--grade-course", "../course", "-v"]
    files = {"tiny": "def (", "empty": "two = 2", "forbidden": "def one(): return 'cheated'"}
    result = run_pytest(*options, **files)
    assert result.returncode == 1
    for words in (
        "tiny is error: tiny.py, line 1: invalid syntax",
        "empty is missing: `empty.py` does not define `one`",
        "forbidden is disallowed: one() cheats",
    ):
        assert words in result.stdout
    found = outcomes(result)
    assert {name for name, outcome in found.items() if outcome == "FAILED"} == {f"{n}.py::{n}" for n in files}
    assert set(found.values()) == {"FAILED", "SKIPPED"}
    result = run_pytest(*options, "forbidden.py::alone")
    assert outcomes(result) == {"forbidden.py::alone": "FAILED"}


@pytest.mark.slow
def test_a_course_that_cannot_be_used_is_a_usage_error(run_pytest):
    result = run_pytest("--grade", "--grade-course", "../nowhere", tiny="")
    assert result.returncode == 4
    assert "no such course folder" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_the_items_are_listed_without_a_grading(run_pytest):
    """As a test explorer asks; and what a course itself consists of is no student's."""
    result = run_pytest("--grade", "--grade-course", "../course", "--collect-only", "-q", "..", tiny="while True: pass")
    assert result.returncode == 0, result.stdout
    ids = [line for line in result.stdout.splitlines() if "::" in line]
    assert ids == [f"work/tiny.py::{name}" for name in ("tiny", "answers", "halves", "alone")]
