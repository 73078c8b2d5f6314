"""Every kind of machine: as root and as an ordinary user, with namespaces and without, the level that is promised there
is reached, and the tests marked `jail` pass there.

`GRADER_TEST_LEVELS` names a file that gets a line for each: the level, the environment, the number of tests passed.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.records.limits import LEVELS

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]
RUN = TESTS / "environments" / "run.py"
IMPOSSIBLE = 125
HOMEWORK = TESTS.parent / "solutions" / "reference"

WITH_NAMESPACES = {"root": [], "user": ["--user"]}
WITHOUT_NAMESPACES = {
    "root without namespaces": ["--no-namespaces"],
    "user without namespaces": ["--user", "--no-namespaces"],
}
OPTIONS: dict[str, list[str]] = {**WITH_NAMESPACES, **WITHOUT_NAMESPACES}
WITHOUT_LANDLOCK = {
    "root without Landlock": ["--no-landlock"],
    "user without Landlock": ["--user", "--no-landlock"],
    "root without namespaces and Landlock": ["--no-namespaces", "--no-landlock"],
    "user without namespaces and Landlock": ["--user", "--no-namespaces", "--no-landlock"],
}
HIDDEN = {
    "user with hidden processes": ["--user", "--hide-processes"],
    "user without namespaces, with hidden processes": ["--user", "--no-namespaces", "--hide-processes"],
}
MASKED = {"root with masks": ["--masked"], "user with masks": ["--user", "--masked"]}

CLOSED = {"root without namespaces and Landlock, in a closed folder": ["--no-namespaces", "--no-landlock", "--closed"]}

ENVIRONMENTS = {**OPTIONS, **WITHOUT_LANDLOCK, **HIDDEN, **MASKED, **CLOSED}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_in(tmp_path: Path) -> Run:
    """Run Python in an environment; skip where this machine cannot make it."""

    def run(environment: str, *arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        if environment.startswith("root") and os.geteuid() != 0:
            pytest.skip("these tests do not run as root")
        foreign = ("GRADE_", "GRADER_", "PYTEST_")
        # without Landlock, a worker of root's gets no right to pass a folder that is root's alone, as pytest's are
        temporary = "/tmp" if environment in {**WITHOUT_LANDLOCK, **CLOSED} else str(tmp_path)
        result = subprocess.run(
            [sys.executable, RUN, *ENVIRONMENTS[environment], "--", sys.executable, *map(str, arguments)],
            cwd=TESTS.parent,
            env={**{k: v for k, v in os.environ.items() if not k.startswith(foreign)}, "TMPDIR": temporary},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if result.returncode == IMPOSSIBLE:
            pytest.skip(result.stderr.strip())
        return result

    return run


def submit(run_in: Run, environment: str, *options: str) -> subprocess.CompletedProcess[str]:
    return run_in(environment, "-m", "grader", "submit", HOMEWORK, "--exercise", "my_rnn", "--format", "json", *options)


@pytest.mark.parametrize("environment", [*OPTIONS, *WITHOUT_LANDLOCK])
def test_level(environment: str, run_in: Run) -> None:
    """`grade submit` and `grade doctor` agree on the level: `strong` or better with namespaces, `basic` without, and
    `process` without Landlock, whatever else there is.
    """
    submitted = submit(run_in, environment)
    assert submitted.returncode == 0, submitted.stderr
    grade: dict[str, Any] = json.loads(submitted.stdout)
    assert grade["percent"] == 100
    doctor = run_in(environment, "-m", "grader", "doctor")
    assert level_of(doctor) == grade["isolation"]
    if environment in WITHOUT_LANDLOCK:
        assert grade["isolation"] == "process"
    elif environment in WITHOUT_NAMESPACES:
        assert grade["isolation"] == "basic"
    elif grade["isolation"] == "basic":
        pytest.skip(f"this machine gives no namespaces to {environment}")
    else:
        assert LEVELS.index(grade["isolation"]) >= LEVELS.index("strong")


@pytest.mark.parametrize(
    ("environment", "required", "reached", "missing"),
    [
        *((environment, "strong", "basic", "no namespaces can be made") for environment in WITHOUT_NAMESPACES),
        *((environment, "basic", "process", "Landlock is not available") for environment in WITHOUT_LANDLOCK),
    ],
)
def test_a_required_level_is_refused(environment: str, required: str, reached: str, missing: str, run_in: Run) -> None:
    """`--require` of a level out of reach ends with 3, grades nothing and says what is missing."""
    result = submit(run_in, environment, "--require", required)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1)
    assert f"'{required}' is required, this machine reaches '{reached}'" in result.stderr
    assert missing in result.stderr


@pytest.mark.parametrize("environment", HIDDEN)
def test_hidden_processes_are_refused(environment: str, run_in: Run) -> None:
    """Where /proc hides even a user's own locked process, its memory cannot be watched: nothing is graded there."""
    for result in (submit(run_in, environment), run_in(environment, "-m", "grader", "doctor")):
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1)
        assert "this machine hides processes" in result.stderr and "hidepid=0" in result.stderr


@pytest.mark.parametrize("environment", CLOSED)
def test_a_library_out_of_reach_is_our_fault(environment: str, run_in: Run) -> None:
    """Where workers cannot read torch, nothing is graded: a right submission would look like a wrong one."""
    for result in (submit(run_in, environment), run_in(environment, "-m", "grader", "doctor")):
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1)
        assert "workers cannot read torch" in result.stderr and "chmod o+x" in result.stderr


@pytest.mark.parametrize("environment", MASKED)
def test_masks_do_not_matter(environment: str, run_in: Run) -> None:
    """Where something is mounted below what a worker may read, as in containers, the level is as good as without."""
    level = run_in(environment.removesuffix(" with masks"), "-m", "grader", "doctor")
    masked = run_in(environment, "-m", "grader", "doctor")
    assert (masked.returncode, level_of(masked)) == (0, level_of(level)), masked.stderr


def level_of(doctor: subprocess.CompletedProcess[str]) -> str | None:
    """What `grade doctor` says."""
    found = re.search(r"^isolation level +(\w+)$", doctor.stdout, re.MULTILINE)
    return found[1] if found else None


HERE = "root" if os.geteuid() == 0 else "user"
"""The environment of this session, in which these tests run anyway."""


@pytest.mark.parametrize("environment", [name for name in OPTIONS if name != HERE])
def test_the_jail_holds(environment: str, run_in: Run, levels_passed: Callable[..., None]) -> None:
    """The tests that hang on the isolation pass in every other environment too."""
    level = level_of(run_in(environment, "-m", "grader", "doctor"))
    assert level is not None
    pytest_options = ["-q", "-m", "jail and not slow", "-p", "no:cacheprovider"]
    result = run_in(environment, "-B", "-m", "pytest", TESTS, *pytest_options, timeout=1200)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
    passed = re.search(r"(\d+) passed[^\n]* in [\d.]+s", result.stdout)
    assert passed, result.stdout[-2000:]
    levels_passed(level, environment, int(passed[1]))
