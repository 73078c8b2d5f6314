"""Attacks by the names of files and folders, and the command on a submission whose every text is hostile."""

import json
import os
import re
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.jail

HERE = Path(__file__).parent / "texts"

NAMES = {
    "markup": b"<script>alert(1)<img src=x onerror=alert(1)>",
    "control": b"\x1b[31m\x1b]0;title\x07\xc2\x9b2J\r\x08\x7f",
    "lines": b"ada\n\nTotal: 2 of 2 points, 100 % (graded)\nReport",
    "turned": "abc\u202egnp\u2066x\u200f\u2028\u2029\u200b".encode(),
    "no text": b"ada\xff\xfe\xed\xa0\x80",
    "long": b"<" * 240,
    "quotes": b"a'b\"c`d`{{ 7 * 7 }}%s{0}",
    "dashes": b"--help",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_of_folders_and_files_are_shown_harmlessly(grade_text, tmp_path, assert_harmless, asking, name):
    """The folder, what is in it, what is left out of it, and a file alone."""
    folder = tmp_path / os.fsdecode(name)
    inner = folder / os.fsdecode(name)
    inner.mkdir(parents=True)
    (inner / os.fsdecode(name + b".py")).write_text(
        "def quick(): return 7\ndef attack(): return open('nothing')\nx()\n"
    )
    (folder / os.fsdecode(name + b".txt")).symlink_to("/etc/passwd")
    os.mkfifo(folder / os.fsdecode(name + b"-"))
    for path in (folder, inner / os.fsdecode(name + b".py")):
        grade = grade_text(path, asking(["attack"]))
        assert_harmless(grade)
        assert "\n" not in grade.submission
        assert grade.status == "graded" or name == NAMES["no text"]
        assert {exercise.status for exercise in grade.exercises} <= {"graded", "missing"}


def test_names_in_an_archive_are_shown_harmlessly(grade_text, tmp_path, assert_harmless, asking):
    path = tmp_path / os.fsdecode(NAMES["control"] + b".zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"</pre><script>" * 1000
        for name in NAMES.values():
            text = name.decode("utf-8", "backslashreplace")
            for entry in (f"{text}.py", f"../{text}", f"{text}/" * 20, f"{text * 100}/x.py"):
                archive.writestr(entry, "y()\n")
            link = zipfile.ZipInfo(f"{text}.link")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
        archive.writestr("task.py", "def quick(): return 7\ndef attack(): return __file__\n")
    grade = grade_text(path, asking(["attack"]))
    assert_harmless(grade)
    assert [exercise.points for exercise in grade.exercises] == [2]


@pytest.mark.slow
def test_a_hostile_submission_is_shown_like_an_honest_one(command, grade, submission, show):
    """A folder and a layer whose every text is hostile, against a layer that fails with words."""
    name = os.fsdecode(NAMES["lines"].replace(b"\n\n", b"\n\x1b[31m") + NAMES["turned"])
    folder = submission({"my_rnn.py": (HERE / "t10_my_rnn.py").read_text()}, name)
    (folder / os.fsdecode(NAMES["control"])).symlink_to("/etc/passwd")
    shown = command(folder, "my_rnn")
    (exercise,) = json.loads(shown.json)["exercises"]
    assert exercise["status"] == "graded"
    assert "parameter </pre><script>" in shown.json
    assert "raised ValueError: </pre><script>" in shown.json

    honest = re.sub("^MARKUP = .*$", "MARKUP = 'no'", (HERE / "t10_my_rnn.py").read_text(), flags=re.MULTILINE)
    assert shown.names() == show(grade(submission({"my_rnn.py": honest}, "bob"))).names()


@pytest.mark.slow
def test_a_hostile_recipe_is_refused_with_its_key(command, submission):
    shown = command(submission({"adding_problem.py": (HERE / "t11_adding_problem.py").read_text()}), "adding_problem")
    (exercise,) = json.loads(shown.json)["exercises"]
    assert exercise["status"] == "graded"
    refused = [check for check in exercise["checks"] if check["status"] == "error"]
    assert all("`recipe` has a key `</pre><script>" in check["message"] for check in refused)
    assert [check["id"] for check in refused] == ["learns"]
