"""`grade release`: students can grade with what it makes, and find no solution in it."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from grader.cli.main import main
from grader.course.torch_build import CPU_INDEX

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "tests/courses/means"
MODEL = (COURSE / "solutions/reference/means.py").read_text()


def release(*arguments):
    return CliRunner().invoke(main, ["release", *map(str, arguments)])


def texts(folder):
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def means(tmp_path):
    """A course of one exercise that trains for a moment, with a solution, tests, and things for the instructor."""
    course = shutil.copytree(COURSE, tmp_path / "course")
    for name, text in {
        "exercises/README.md": "for authors",
        "solutions/reference/means.py": MODEL.replace("self.line", "self.the_secret"),
        "tests/test_course.py": "def test_secret(): pass",
        "gradebook.db": "secret points",
        "pyproject.toml": '[project]\nname = "secret"\n[tool.grade]\nseed = 4711\ngradebook = "postgresql://secret"\n'
        'device = "cpu"\n[tool.grade.limits]\nseconds = 42.5\n',
    }.items():
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text(text)
    return course


@pytest.mark.slow
def test_students_grade_with_it_and_see_the_measured_band(invoke, means, tmp_path):
    measured = invoke("verify", "means", "--calibrate", 3, "--course", means)
    assert measured.returncode == 0, measured.stderr
    result = release(tmp_path / "given", "--course", means)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "has no reference band" not in result.stdout
    found = texts(tmp_path / "given")
    assert {name for name in found if "/calibration/" not in name} == {
        "README.md",
        "pyproject.toml",
        "exercises/means/__init__.py",
        "exercises/means/starter.py",
        "handouts/means.md",
    }
    assert not [name for name, text in found.items() if "secret" in text or "4711" in text]
    assert "Practice, not the grade" in found["README.md"]
    torch_first = f"pip install torch=={torch.__version__.partition('+')[0]} --index-url {CPU_INDEX}\n"
    assert f"{torch_first}    pip install rnn-grader==" in found["README.md"]
    assert "--torch-backend=cpu" in found["README.md"]
    assert '\ndevice = "cpu"\n' in found["pyproject.toml"]
    assert "seconds = 42.5" in found["pyproject.toml"]
    for words in ("# Means", "| 2 | Learns the mean. |", "at most 200 steps", "42.5 s for all checks"):
        assert words in found["handouts/means.md"]

    assert invoke("start", "means", "work", "--course", tmp_path / "given").returncode == 0
    (tmp_path / "cwd/work/means.py").write_text(MODEL)
    result = invoke("submit", "work", "--course", tmp_path / "given")
    assert "Total: 3 of 3 points" in result.stdout, result.stderr
    assert "our references (cpu)" in (tmp_path / "cwd/grade-report/work.html").read_text()


def test_what_has_no_band_is_told(means, tmp_path):
    result = release(tmp_path / "given", "--course", means)
    assert result.exit_code == 0
    assert "means.learns has no reference band: `grade verify means --calibrate 25` measures one" in result.stdout
    assert f"pip install torch --index-url {CPU_INDEX}\n" in (tmp_path / "given/README.md").read_text()
    assert "[tool.grade] seed is left out" in result.stdout
    assert "[tool.grade] gradebook is left out" in result.stdout


def test_a_courses_own_data_stays_unless_it_is_asked_for(means, tmp_path):
    """What students' models are asked about would lie in their own folder."""
    options = 'Exercise("means", options={"names": "", "size": 3}, '
    file = means / "exercises/means/__init__.py"
    file.write_text(file.read_text().replace('Exercise("means", ', options))
    (means / "lists").mkdir()
    (means / "lists/Dutch.txt").write_text("de Vries")
    with (means / "pyproject.toml").open("a") as settings:
        settings.write('[tool.grade.exercises.means]\nnames = "lists"\nsize = 5\n')
    result = release(tmp_path / "given", "--course", means)
    assert "lists is left out" in result.stdout
    assert not (tmp_path / "given/lists").exists()
    assert "size = 5" in (tmp_path / "given/pyproject.toml").read_text()
    assert "names" not in (tmp_path / "given/pyproject.toml").read_text()
    assert "the data of your course (`lists`) is not included" in " ".join(
        (tmp_path / "given/README.md").read_text().split()
    )
    result = release(tmp_path / "all", "--with-data", "--course", means)
    assert (tmp_path / "all/lists/Dutch.txt").read_text() == "de Vries"
    assert 'names = "lists"' in (tmp_path / "all/pyproject.toml").read_text()
    assert "is left out" not in result.stdout.replace("seed is left out", "").replace("gradebook is left out", "")


def test_data_outside_the_course_is_not_taken_along(means, tmp_path):
    file = means / "exercises/means/__init__.py"
    file.write_text(file.read_text().replace('Exercise("means", ', 'Exercise("means", options={"names": ""}, '))
    (tmp_path / "outside").mkdir()
    with (means / "pyproject.toml").open("a") as settings:
        settings.write('[tool.grade.exercises.means]\nnames = "../outside"\n')
    result = release(tmp_path / "given", "--with-data", "--course", means)
    assert result.exit_code == 2
    assert "../outside is outside the course's folder" in result.stderr
    assert not (tmp_path / "given").exists()


def test_of_the_bundled_course_no_solution_is_in_it(tmp_path, course):
    """Nor a line of one that stands nowhere else, nor what a mistake says of itself."""
    result = release(tmp_path / "given")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("Note:") == 0
    found = texts(tmp_path / "given")
    assert not [name for name in found if re.search(r"solutions|tests|\.git|pycache|\.pyc", name)]
    public = "\n".join(file.read_text() for file in (ROOT / "exercises").rglob("*.py"))
    everything = "\n".join(found.values())
    for solution in (ROOT / "solutions").rglob("*.py"):
        lines = [line.strip() for line in solution.read_text().splitlines()]
        told = [line for line in lines if len(line) > 30 and line not in public and line in everything]
        assert not told, f"{solution}: {told}"
    for exercise in course.exercises:
        assert f"exercises/{exercise.id}/starter.py" in found
        assert f"## Rubric ({exercise.max_points:g} points)" in found[f"handouts/{exercise.id}.md"]
    bands = [json.loads(text) for name, text in found.items() if "/calibration/" in name]
    assert {band["exercise"] for band in bands} == {e.id for e in course.exercises if e.trains}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: (path.mkdir(), (path / ".hidden").write_text("")), "is not empty; choose a new folder"),
        (lambda path: path.write_text("mine"), "is a file, expected a new folder"),
        (lambda path: path.parent.joinpath("x").write_text(""), None),
    ],
)
def test_nothing_is_overwritten(means, tmp_path, make, words):
    folder = tmp_path / "given"
    make(folder)
    result = release(folder, "--course", means)
    assert result.exit_code == (2 if words else 0)
    if words:
        assert words in result.stderr
        assert not (folder / "README.md").exists() if folder.is_dir() else folder.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_told(means, tmp_path):
    (tmp_path / "file").write_text("")
    result = release(tmp_path / "file/given", "--course", means)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert "Not a directory" in result.stderr
