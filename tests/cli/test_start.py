"""`grade start`, and `grade show` on a terminal: what a student meets first."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.cli.main import main

ROOT = Path(__file__).parents[2]
STYLE = re.compile(r"\x1b\[[\d;]*m")
COLOUR = re.compile(r"\x1b\[(\d+;)*[34][0-7]m")
IDS = sorted(file.parent.name for file in ROOT.glob("exercises/*/starter.py"))


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Run `grade start` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return CliRunner().invoke(main, ["start", *map(str, arguments)])

    return run


def test_a_starter_is_copied_and_what_comes_next_is_said(start, tmp_path):
    result = start("my_rnn")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (tmp_path / "my_rnn.py").read_bytes() == (ROOT / "exercises/my_rnn/starter.py").read_bytes()
    for words in ("wrote my_rnn.py", "grade show my_rnn", "grade watch .", "grade submit ."):
        assert words in result.stdout


def test_several_go_to_a_folder_that_is_made(start, tmp_path):
    result = start("my_rnn", "copy_first", "home work/week 1")
    assert result.exit_code == 0
    assert sorted(file.name for file in (tmp_path / "home work/week 1").iterdir()) == ["copy_first.py", "my_rnn.py"]
    assert "grade submit 'home work/week 1'" in result.stdout


def test_a_folder_that_is_called_like_an_exercise_is_a_folder(start, tmp_path):
    (tmp_path / "my_rnn").mkdir()
    assert start("copy_first", "my_rnn").exit_code == 0
    assert (tmp_path / "my_rnn" / "copy_first.py").is_file()
    assert start("my_rnn").exit_code == 0
    assert (tmp_path / "my_rnn.py").is_file()


def test_nothing_is_overwritten_and_then_nothing_is_written(start, tmp_path):
    (tmp_path / "my_rnn.py").write_text("mine")
    (tmp_path / "copy_first.py").symlink_to(tmp_path / "nowhere")
    result = start("adding_problem", "my_rnn", "copy_first")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "my_rnn.py, copy_first.py: already there; nothing was written" in result.stderr
    assert (tmp_path / "my_rnn.py").read_text() == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy_first.py", "my_rnn.py"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["my_rn"], "unknown exercise 'my_rn'; available: adding_problem, "),
        (["my_rn", "work"], "unknown exercise 'my_rn'"),
        (["my_rnn", "adding_problm"], "did you mean adding_problem? For a folder, write ./adding_problm"),
        (["my_rnn", "taken"], "taken is a file"),
        (["my_rnn", "taken/work"], "cannot be written to"),
        (["there"], "name an exercise before the folder"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_written(start, tmp_path, arguments, words):
    (tmp_path / "taken").write_text("")
    (tmp_path / "there").mkdir()
    result = start(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["taken", "there"]


def test_a_course_without_that_starter_says_what_to_do(start, tmp_path):
    (tmp_path / "course/exercises/tiny").mkdir(parents=True)
    (tmp_path / "course/exercises/tiny/__init__.py").write_text(
        '"""Write one."""\nfrom grader import Exercise\n'
        'exercise = Exercise("tiny", title="Tiny", statement=__doc__, names=("one",))\n'
    )
    result = start("tiny", "--course", "course")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the course has no starter for tiny; `grade show tiny` says" in result.stderr
    (tmp_path / "course/exercises/tiny/starter.py").write_text("one = None\n")
    result = start("tiny", "work", "--course", "course")
    assert (tmp_path / "work/tiny.py").read_text() == "one = None\n"
    assert "grade submit work --course course" in result.stdout


@pytest.mark.parametrize("exercise", IDS)
def test_an_untouched_starter_says_what_to_write(grade, exercise):
    """It earns nothing, and its first words name the gap and what belongs into it."""
    found = grade(ROOT / "exercises" / exercise / "starter.py", exercise=exercise).exercises[0]
    assert (found.points, found.status) == (0, "graded")
    first = next(check for check in found.checks if check.status == "error")
    assert "is still to be written: return " in first.message
    assert not [check for check in found.checks if check.status not in ("error", "skipped")]


@pytest.mark.slow
def test_a_folder_of_untouched_starters_is_answered(invoke, tmp_path, course):
    """All at once, without a training."""
    assert invoke("start", *IDS, "work").returncode == 0
    result = invoke("submit", "work", "--format", "text", env={"GRADE_EXERCISE": ""})
    assert result.returncode == 0, result.stderr
    assert f"Total: 0 of {sum(exercise.max_points for exercise in course.exercises):g} points" in result.stdout


# The handout on a terminal.


def on_a_terminal(*arguments, columns=80, **env):
    """What `grade` writes where standard output is a terminal."""
    ours, theirs = pty.openpty()
    settings = {"PATH": os.environ["PATH"], "COLUMNS": str(columns), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    command = [sys.executable, "-m", "grader", *arguments]
    process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.STDOUT, env={**settings, **env})
    os.close(theirs)
    written = b""
    try:
        while part := os.read(ours, 1 << 16):
            written += part
    except OSError:
        pass  # how the end of a terminal is told
    os.close(ours)
    assert process.wait(60) == 0, written
    return written.decode()


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 30])
def test_on_a_terminal_the_handout_is_set_in_type_at_its_width(columns):
    shown = on_a_terminal("show", "copy_first", columns=columns, NO_COLOR="1")
    assert not COLOUR.search(shown)
    text = STYLE.sub("", shown)
    assert "`" not in text, "its code marks are set in type"
    for words in ("Copy the first value", "Rubric (10 points)", "MiB of memory", "at most 1000"):
        assert words in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= columns


@pytest.mark.slow
def test_colours_are_for_terminals_that_can():
    assert COLOUR.search(on_a_terminal("show", "copy_first"))
    plain = on_a_terminal("show", "copy_first", PYTHONIOENCODING="ascii")
    assert "\x1b" not in plain
    assert "`CopyFirstModel" in plain
