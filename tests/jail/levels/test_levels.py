"""Every kind of machine: as root and as an ordinary user, with namespaces and without, the level that is promised there
is reached. The files beside this one repeat the tests marked `isolation` there, one environment each.
"""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.records.limits import LEVELS

pytestmark = pytest.mark.slow

HOMEWORK = Path(__file__).parents[3] / "solutions" / "reference"

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


def submit(run_in: Run, environment: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["-m", "grader", "submit", HOMEWORK, "--exercise", "my_rnn", "--format", "json", *options]
    return run_in(ENVIRONMENTS[environment], *command)


def doctor(run_in: Run, environment: str) -> subprocess.CompletedProcess[str]:
    return run_in(ENVIRONMENTS[environment], "-m", "grader", "doctor")


@pytest.mark.parametrize("environment", [*OPTIONS, *WITHOUT_LANDLOCK])
def test_level(environment: str, run_in: Run) -> None:
    """`strong` or better with namespaces, `basic` without, and `process` without Landlock, whatever else there is.
    With Landlock, `grade doctor` says the same.
    """
    submitted = submit(run_in, environment)
    assert submitted.returncode == 0, submitted.stderr
    grade: dict[str, Any] = json.loads(submitted.stdout)
    assert grade["percent"] == 100
    if environment in WITHOUT_LANDLOCK:
        assert grade["isolation"] == "process"
        return
    assert level_of(doctor(run_in, environment)) == grade["isolation"]
    if environment in WITHOUT_NAMESPACES:
        assert grade["isolation"] == "basic"
    elif grade["isolation"] == "basic":
        pytest.skip(f"this machine gives no namespaces to {environment}")
    else:
        assert LEVELS.index(grade["isolation"]) >= LEVELS.index("strong")


@pytest.mark.parametrize(
    ("environment", "required", "reached", "missing"),
    [
        ("root without namespaces", "strong", "basic", "no namespaces can be made"),
        ("user without Landlock", "basic", "process", "Landlock is not available"),
        ("user without namespaces and Landlock", "basic", "process", "Landlock is not available"),
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
    for result in (submit(run_in, environment), doctor(run_in, environment)):
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1)
        assert "this machine hides processes" in result.stderr and "hidepid=0" in result.stderr


@pytest.mark.parametrize("environment", CLOSED)
def test_a_library_out_of_reach_is_our_fault(environment: str, run_in: Run) -> None:
    """Where workers cannot read torch, nothing is graded: a right submission would look like a wrong one."""
    for result in (submit(run_in, environment), doctor(run_in, environment)):
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1)
        assert "workers cannot read torch" in result.stderr and "chmod o+x" in result.stderr


@pytest.mark.parametrize("environment", MASKED)
def test_masks_do_not_matter(environment: str, run_in: Run) -> None:
    """Where something is mounted below what a worker may read, as in containers, the level is as good as without."""
    level = doctor(run_in, environment.removesuffix(" with masks"))
    masked = doctor(run_in, environment)
    assert (masked.returncode, level_of(masked)) == (0, level_of(level)), masked.stderr


def level_of(said: subprocess.CompletedProcess[str]) -> str | None:
    """What `grade doctor` says."""
    found = re.search(r"^isolation level +(\w+)$", said.stdout, re.MULTILINE)
    return found[1] if found else None
