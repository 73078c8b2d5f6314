"""`grade new exercise`: what it writes verifies at once, and nothing is ever overwritten."""

import ast
import importlib
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from grader.cli.main import main
from grader.cli.new import TEMPLATES


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    return folder


@pytest.fixture
def new_here(tmp_path):
    """Run `grade new exercise` in a folder, with no course named."""

    def run(folder, *arguments):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("GRADE_")}
        command = [sys.executable, "-m", "grader", "new", "exercise", *arguments]
        return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=60)

    return run


@pytest.mark.slow
def test_a_new_exercise_verifies_at_once(invoke, course):
    result = invoke("new", "exercise", "running_sum", "--course", course)
    assert result.returncode == 0, result.stderr
    assert written(course) == [
        "exercises/running_sum/__init__.py",
        "exercises/running_sum/starter.py",
        "solutions/reference/running_sum.py",
        "solutions/running_sum/first-mistake/running_sum.py",
    ]
    assert all(f"wrote {name}\n" in result.stdout for name in written(course))
    assert f"grade verify running_sum --course {course}" in result.stdout
    verified = invoke("verify", "running_sum", "--course", course)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "The course is verified" in verified.stdout
    assert "warning" not in verified.stdout
    assert "Running sum\n===" in invoke("show", "running_sum", "--course", course).stdout


@pytest.mark.slow
def test_a_new_learning_exercise_verifies_at_once(invoke, course):
    """All that is missing is what must be measured."""
    assert invoke("new", "exercise", "my_sum", "--learning", "--course", course).returncode == 0
    assert "solutions/my_sum/second-mistake/my_sum.py" in written(course)
    verified = invoke("verify", "my_sum", "--course", course)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.count("warning ") == 1
    assert "has not been measured: `grade verify my_sum --calibrate 25 --mistakes 4`" in verified.stdout


@pytest.mark.slow
def test_two_new_exercises_share_a_course(invoke, course):
    for name in ("one_sum", "other_sum"):
        assert invoke("new", "exercise", name, "--course", course).returncode == 0
    listed = invoke("exercises", "--course", course)
    assert "one_sum" in listed.stdout
    assert "other_sum" in listed.stdout


def test_the_current_folder_is_taken_where_it_is_a_course(new_here, course):
    refused = new_here(course, "parity")
    assert refused.returncode == 2
    assert "has no exercises/ folder" in refused.stderr
    assert written(course) == []
    (course / "exercises").mkdir()
    assert new_here(course, "parity").returncode == 0
    assert "exercises/parity/__init__.py" in written(course)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my-rnn", "is not a valid exercise name"),
        ("1st", "is not a valid exercise name"),
        ("class", "is not a valid exercise name"),
        ("_hidden", "is not a valid exercise name"),
        ("größe", "is not a valid exercise name"),
        ("../escape", "is not a valid exercise name"),
        ("", "is not a valid exercise name"),
        ("a" * 300, "is too long"),
        ("random", "a student's random.py would hide it"),
        ("torch", "a student's torch.py would hide it"),
        ("starters", "choose another name"),
        ("calibration", "choose another name"),
    ],
)
def test_names_that_will_not_do_are_refused(course, name, words):
    result = CliRunner().invoke(main, ["new", "exercise", "--course", str(course), "--", name])
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert list(course.parent.rglob("*")) == [course]


@pytest.mark.parametrize(
    "taken",
    [
        "exercises/parity.py",
        "exercises/parity/__init__.py",
        "exercises/parity/starter.py",
        "solutions/reference/parity.py",
        "solutions/parity/first-mistake/parity.py",
    ],
)
def test_nothing_is_overwritten(new_here, course, taken):
    file = course / taken
    file.parent.mkdir(parents=True)
    (course / "exercises").mkdir(exist_ok=True)
    file.write_text("mine")
    result = new_here(course, "parity")
    assert result.returncode == 2
    assert "already exists" in result.stderr
    assert written(course) == [taken]
    assert file.read_text() == "mine"


def test_a_file_in_the_way_leaves_nothing_behind(new_here, course):
    (course / "solutions").write_text("a file")
    result = new_here(course.parent, "parity", "--course", "course")
    assert result.returncode == 2, result.stderr
    assert "cannot be written to" in result.stderr
    assert list(course.rglob("*")) == [course / "solutions"]


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.py.txt")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_import_what_they_may(path):
    """They are not Python files yet, so the rules of the house are asked of them here."""
    text = path.read_text().replace("$id", "task").replace("$class", "TaskModel").replace("$title", "Task")
    assert "$" not in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module in ("grader", "grader.figures", "grader.probes"):
            assert {alias.name for alias in node.names} <= set(importlib.import_module(node.module).__all__)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert set(names) <= {"torch"}, names
