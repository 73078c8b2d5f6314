"""What a plain install does, and what it leaves to an extra: the real command in a Python that lacks the packages.

They are installed where the tests run, so that a `sitecustomize` hides them from each child process.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from grader.records.extras import EXTRAS, MissingExtra, require_extra

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECONDS = 120
COURSE = ROOT / "tests/courses/means"
MODEL = (COURSE / "solutions/reference/means.py").read_text()
NOT_STUDENTS = ("sqlalchemy", "distributed", "dask", "psycopg", "psycopg_binary", "matplotlib", "PIL", "fontTools")
BATCH = "SQLAlchemy, which is not installed: pip install 'rnn-grader[batch]'"
CLUSTER = "distributed, which is not installed: pip install 'rnn-grader[cluster]'"
POSTGRES = "psycopg, which is not installed: pip install 'rnn-grader[postgres]'"
BOTH = "SQLAlchemy and psycopg, which are not installed: pip install 'rnn-grader[postgres]'"
ON_POSTGRES = ("--gradebook", "postgresql://nobody@127.0.0.1:1/none")
HIDING = """
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {hidden!r} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


@pytest.fixture
def without(tmp_path):
    """The environment of a Python that does not find these modules."""

    def hide(*modules):
        folder = tmp_path / "hiding"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(HIDING.format(hidden=modules))
        path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
        hidden = subprocess.run(
            [sys.executable, "-c", f"import importlib.util as i; print(*map(i.find_spec, {modules!r}))"],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert hidden.stdout.split() == ["None"] * len(modules), hidden.stderr
        return {"PYTHONPATH": path}

    return hide


# Where an extra is missing.


@pytest.mark.parametrize(
    ("hidden", "arguments", "line"),
    [
        (("sqlalchemy",), ("batch", "class"), f"grade: `grade batch` needs {BATCH}"),
        (("sqlalchemy",), ("report",), f"grade: `grade report` needs {BATCH}"),
        (("sqlalchemy",), ("export", "csv"), f"grade: `grade export` needs {BATCH}"),
        (("sqlalchemy",), ("history", "ada"), f"grade: a gradebook needs {BATCH}"),
        (("psycopg",), ("batch", "class", *ON_POSTGRES), f"grade: `grade batch` needs {POSTGRES}"),
        (("psycopg",), ("report", *ON_POSTGRES), f"grade: `grade report` needs {POSTGRES}"),
        (("psycopg",), ("export", "csv", *ON_POSTGRES), f"grade: `grade export` needs {POSTGRES}"),
        (("psycopg",), ("history", "ada", *ON_POSTGRES), f"grade: a gradebook on PostgreSQL needs {POSTGRES}"),
        (("psycopg", "sqlalchemy"), ("report", *ON_POSTGRES), f"grade: `grade report` needs {BOTH}"),
        (("distributed",), ("batch", "class", "--executor", "dask"), f"grade: the executor 'dask' needs {CLUSTER}"),
        (NOT_STUDENTS, ("batch", "class", "--executor", "dask"), f"grade: `grade batch` needs {BATCH}"),
    ],
    ids=lambda value: "-".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_a_command_ends_before_anything_is_graded_with_the_line_that_mends_it(
    cli, without, tmp_path, hidden, arguments, line
):
    """Exit code 2, one line, and nothing written. An answer of a submission would be a report or a gradebook."""
    (tmp_path / "cwd/class/ada").mkdir(parents=True)
    (tmp_path / "cwd/class/ada/means.py").write_text(MODEL)
    result = cli(*arguments, env={"GRADE_COURSE": str(COURSE), **without(*hidden)})
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"{line}\n")
    assert [path.name for path in (tmp_path / "cwd").iterdir()] == ["class"]


def test_a_gradebook_named_by_the_course_is_looked_at_too(cli, without, tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.grade]\ngradebook = "postgresql+psycopg://nobody@127.0.0.1:1/x"\n')
    result = cli("report", "--course", tmp_path, env=without("psycopg"))
    assert (result.returncode, result.stderr) == (2, f"grade: `grade report` needs {POSTGRES}\n")


def test_postgresql_without_a_driver_in_its_url_is_psycopg(cli):
    """As SQLAlchemy 2.1 has it, and 2.0 has not."""
    result = cli("report", *ON_POSTGRES)
    assert result.returncode == 2
    assert "cannot be opened: connection failed" in result.stderr and "psycopg2" not in result.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("batch", "--help"), ("report", "-h")])
def test_help_needs_no_extra(cli, without, arguments):
    result = cli(*arguments, env=without(*NOT_STUDENTS))
    assert (result.returncode, result.stderr) == (0, "")
    assert "Usage: " in result.stdout


@pytest.mark.slow
def test_doctor_lists_the_extras(cli, without):
    result = cli("doctor", env=without("distributed", "psycopg"))
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r"^extra batch +SQLAlchemy [\d.]+$", result.stdout, re.MULTILINE)
    for extra in ("cluster", "postgres"):
        line = rf"^extra {extra} +not installed: pip install 'rnn-grader\[{extra}\]'$"
        assert re.search(line, result.stdout, re.MULTILINE)


def test_what_is_installed_is_not_missing():
    for extra in EXTRAS:
        require_extra(extra, "this test")
    with pytest.raises(MissingExtra) as missing:
        EXTRAS["none"] = {"no_such_module": "no-such-package"}
        try:
            require_extra("none", "this test")
        finally:
            del EXTRAS["none"]
    assert str(missing.value) == (
        "this test needs no-such-package, which is not installed: pip install 'rnn-grader[none]'"
    )


def test_extras_bring_what_is_asked_for():
    """`pyproject.toml` and the table that messages are made of say the same; `all` is all of them."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    def brought(extra):
        found = set()
        for requirement in map(Requirement, declared[extra]):
            if requirement.name == "rnn-grader":
                found |= {name for other in requirement.extras for name in brought(other)}
            else:
                found.add(requirement.name)
        return found

    assert {extra: brought(extra) for extra in EXTRAS} == {
        extra: set(modules.values()) for extra, modules in EXTRAS.items()
    }
    assert brought("all") == {name for modules in EXTRAS.values() for name in modules.values()}


# A student needs none.


@pytest.fixture
def plain(cli, without):
    """Run the command as a plain install would, and see it end well."""
    environment = without(*NOT_STUDENTS)

    def run(*arguments):
        result = cli(*arguments, env=environment)
        assert (result.returncode, result.stderr) == (0, ""), result.stdout
        return result.stdout

    return run


SEVERAL = """
import json, sys
from click.testing import CliRunner
from grader.cli.main import main
for line in json.loads(sys.argv[1]):
    result = CliRunner().invoke(main, line)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    print(result.stdout)
"""


@pytest.mark.slow
def test_a_student_starts_without_an_extra(without, tmp_path):
    """And whoever writes an exercise. The commands run one after the other, so that torch is imported once."""
    (tmp_path / "own").mkdir()
    lines = [["exercises"], ["show", "my_rnn"], ["start", "my_rnn", "work"], ["plugins"]]
    lines += [["new", "exercise", "mine", "--course", "own"], ["release", "given", "--course", str(COURSE)]]
    result = subprocess.run(
        [sys.executable, "-c", SEVERAL, json.dumps(lines)],
        cwd=tmp_path,
        env={**os.environ, **without(*NOT_STUDENTS)},
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    for words in ("name_classification 10 points", "Rubric (10 points)", "wrote work/my_rnn.py", "exercises/mine/"):
        assert words in re.sub(" +", " ", result.stdout)
    assert (tmp_path / "given/README.md").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "format_"),
    [("folder", "json"), ("means.py", "text"), ("means.ipynb", "html"), ("means.zip", "json")],
)
def test_a_student_submits_without_an_extra(plain, tmp_path, name, format_):
    """Whatever it is, and whatever is asked of the answer; the pages of a model that was trained have its curve."""
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
        (path / "means.py").write_text(MODEL)
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("means.py", MODEL)
    elif name.endswith(".ipynb"):
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": MODEL}
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}))
    else:
        path.write_text(MODEL)
    said = plain("submit", path, "--format", format_, "--course", COURSE)
    if format_ == "json":
        assert json.loads(said)["points"] == 3.0
    elif format_ == "text":
        assert "Total: 3 of 3 points" in said
        assert "<svg" in (tmp_path / "cwd/grade-report/means.html").read_text()
    else:
        assert "<svg" in said and "3 of 3" in said


@pytest.mark.slow
def test_a_student_works_without_an_extra(without, tmp_path):
    """One round of `watch`, and the tests of an editor."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work/means.py").write_text(MODEL)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRADE_", "PYTEST_"))}
    environment = {**clean, **without(*NOT_STUDENTS)}
    command = [sys.executable, "-m", "grader", "watch", "work", "--course", str(COURSE)]
    piped = {"cwd": tmp_path, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, **piped) as watching:
        said = ""
        while said.count("The report: ") < 2:  # quickly first, then with its training
            line = watching.stdout.readline()
            assert line, said
            said += line
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        assert watching.wait(SECONDS) == 0 and "3 of 3" in said, said
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--grade", f"--grade-course={COURSE}", "work"]
    tested = subprocess.run(command, **piped, timeout=SECONDS)
    assert tested.returncode == 0 and "3 of 3 points" in tested.stdout, tested.stdout


@pytest.mark.slow
def test_a_course_is_verified_without_an_extra(cli, without):
    result = cli("verify", "means", "--course", COURSE, env=without(*NOT_STUDENTS))
    assert (result.returncode, result.stderr) == (1, "")  # this course has no mistakes to catch
    assert re.search(r"means +reference +3 of 3\n", result.stdout) and "2 problems" in result.stdout
