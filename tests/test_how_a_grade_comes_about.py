"""What `docs/how-a-grade-comes-about.md` tells students about numbers is what the course holds."""

import re
import shutil
from pathlib import Path

import pytest

from grader.course import calibration
from grader.verify import advice

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-a-grade-comes-about.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def learning(course):
    """The learning checks of the bundled course: exercise, check, task."""
    checks = [(exercise, check) for exercise in course.exercises for check in exercise.checks]
    found = [(exercise, check, advice.task_of(check)) for exercise, check in checks]
    return [(exercise, check, task) for exercise, check, task in found if task is not None]


def test_the_anchors_of_the_example_are_those_of_the_check(learning):
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows
    assert set(rows) <= {
        f"| `{exercise.id}.{check.id}` | {task.metric} | {task.worst:.3g} | {task.zero:g} | {task.half:g} "
        f"| {task.best:g} | {task.steps} | {task.probe} | {task.held_out} |"
        for exercise, check, task in learning
    }


def test_the_error_rates_of_the_example_are_those_measured(course, learning):
    told = [line.removeprefix("- ") for line in PAGE.splitlines() if line.startswith("- `") and " runs " in line]
    kept = [calibration.load(course.settings.folder, exercise, check) for exercise, check, _ in learning]
    assert told
    assert set(told) <= {calibration.statement(found) for found in kept if found is not None}


@pytest.mark.slow
def test_a_grading_is_repeated_as_the_page_says(invoke, tmp_path):
    (command, shown) = re.search(r"^```console\n\$ grade (.*)\n(.*)\n```$", PAGE, re.MULTILINE).groups()
    shutil.copytree(ROOT / "solutions" / "reference", tmp_path / "cwd" / "solutions" / "reference")
    result = invoke(*command.split())
    assert result.returncode == 0, result.stdout + result.stderr
    assert shown in result.stdout
