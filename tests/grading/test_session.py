"""One session for all: a submission gets one grade, whoever asks and whatever it is handed in as."""

import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from grader.grading.session import Session

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "solutions" / "my_rnn" / "carries-the-sum" / "my_rnn.py").read_text()
"""Right in part: there is something to lose on the way."""

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("GRADE_")}


def notebook(source: str) -> str:
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory) -> dict[str, Path]:
    """The same code as a folder, a module, a notebook and an archive, by whom a batch takes it to be."""
    folder = tmp_path_factory.mktemp("class")
    paths = {
        "a-folder": folder / "a-folder",
        "a-module": folder / "a-module" / "my_rnn.py",
        "a-notebook": folder / "a-notebook" / "my_rnn.ipynb",
        "an-archive": folder / "an-archive" / "my_rnn.zip",
    }
    for path in paths.values():
        (path if path.suffix == "" else path.parent).mkdir(parents=True, exist_ok=True)
    (paths["a-folder"] / "my_rnn.py").write_text(SOURCE)
    (paths["a-folder"] / "notes.txt").write_text("this one has a neighbour")
    paths["a-module"].write_text(SOURCE)
    paths["a-notebook"].write_text(notebook(SOURCE))
    with zipfile.ZipFile(paths["an-archive"], "w") as archive:
        archive.writestr("my_rnn.py", SOURCE)
    return paths


def run(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def batch(handed_in, tmp_path_factory) -> dict[str, dict]:
    """What a batch says of each, with the seed that it derived."""
    folder = tmp_path_factory.mktemp("batch")
    where = handed_in["a-folder"].parent
    told = run("-m", "grader", "batch", where, "--exercise", "my_rnn", "--jobs", 1, "--format", "json", folder=folder)
    assert told.returncode == 0, told.stderr
    return {grade["submission"]: grade for grade in json.loads(told.stdout)["grades"]}


@pytest.fixture
def session(course, zygote, isolation) -> Session:
    """One that is open already."""
    return Session(course, course.pick(("my_rnn",)), zygote, isolation)


def verdicts(grade: dict) -> list[dict]:
    (exercise,) = grade["exercises"]
    return exercise["checks"]


def submitted(path: Path, seed: int, invoke) -> tuple[str, list[dict]]:
    told = invoke("submit", path, "--exercise", "my_rnn", "--seed", seed, "--format", "json")
    grade = json.loads(told.stdout)
    return f"{grade['points']:g} of {grade['max_points']:g}", verdicts(grade)


def watched(path: Path, seed: int, folder: Path) -> str:
    """The points in the first answer of `grade watch`."""
    command = [sys.executable, "-m", "grader", "watch", str(path), "--exercise", "my_rnn", "--seed", str(seed)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    told = ""
    with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, **pipes) as process:
        limit = threading.Timer(120, process.kill)
        limit.start()
        while "The report: " not in told:
            line = process.stdout.readline()
            assert line, told
            told += line
        limit.cancel()
        process.kill()
    return points_in(told)


@pytest.fixture(scope="module")
def practised(handed_in, tmp_path_factory) -> dict[str, str]:
    """The points in the last lines of `pytest --grade`, with the seed 1."""
    given = ["-p", "no:cacheprovider", "--grade", "--grade-seed", 1, *handed_in.values()]
    told = run("-m", "pytest", "-q", *given, folder=tmp_path_factory.mktemp("practice")).stdout
    lines = [line for line in told.splitlines() if re.match("grade: .* points", line)]
    return {name: points_in(line) for name, line in zip(handed_in, lines, strict=True)}


def points_in(text: str) -> str:
    found = re.search(r"([\d.]+ of [\d.]+) points", text)
    assert found is not None, text
    return found[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a-folder", "a-module", "a-notebook", "an-archive"])
def test_whoever_asks_gets_the_same_grade(batch, practised, session, handed_in, tmp_path, invoke, name):
    grade, path = batch[name], handed_in[name]
    points, checks = submitted(path, grade["seed"], invoke)
    assert points == f"{grade['points']:g} of {grade['max_points']:g}"
    assert 0 < grade["points"] < grade["max_points"]
    assert checks == verdicts(grade)
    assert watched(path, grade["seed"], tmp_path) == points
    again = session.record(path, name=name, seed=1).record.grade
    assert practised[name] == f"{again.points:g} of {again.max_points:g}"
