"""The tutorial for authors, `docs/authors.md`: its code is that of a real course, and its steps can be followed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COURSE = ROOT / "tests" / "tutorial"
PAGE = (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|console)(?: (\S+))?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
"""Kind, file and text of each block that is code of the course or is run, in the order of the page."""


def shown_files():
    return sorted({name for kind, name, _ in BLOCKS if kind == "python"})


def course_files():
    files = [*COURSE.glob("exercises/**/*.py"), *COURSE.glob("solutions/**/*.py")]
    return sorted(str(file.relative_to(COURSE)) for file in files)


def add(file, block):
    """Put a block where the page says: in place of the file, or at its end."""
    file.parent.mkdir(parents=True, exist_ok=True)
    old = file.read_text() if file.is_file() else ""
    is_begun = block.startswith('"""') or not old
    file.write_text(block if is_begun else f"{old.rstrip()}\n\n\n{block}")


def test_the_page_shows_every_file_of_the_course():
    assert shown_files() == course_files()


@pytest.mark.parametrize("name", course_files())
def test_the_code_shown_is_that_of_the_file(name, tmp_path):
    for _, file, text in BLOCKS:
        if file == name:
            add(tmp_path / name, text)
    assert (tmp_path / name).read_text() == (COURSE / name).read_text()


def run(command, folder):
    """A command line of the page, in a folder, with `grade` on the path; what it prints.

    In a process of its own: one that has loaded a course does not load it again when its files change.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GRADE_")}
    clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=clean, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return " ".join(done.stdout.split())


@pytest.mark.slow
def test_the_page_can_be_followed_word_for_word(tmp_path):
    """Files are written and commands run as the page says, and print what it shows."""
    folder = tmp_path
    for kind, name, text in BLOCKS:
        if kind == "python":
            add(folder / name, text)
            continue
        printed = ""
        for line in text.splitlines():
            if not line.startswith("$ "):
                assert " ".join(line.split()) in printed, f"{line}\nis not in\n{printed}"
            elif line.startswith("$ cd "):
                folder = folder / line.removeprefix("$ cd ")
            else:
                printed = run(line.removeprefix("$ "), folder)
    assert {str(file.relative_to(folder)) for file in folder.rglob("*.py")} == set(course_files())


@pytest.mark.slow
def test_the_course_is_verified(invoke):
    """The bundled plugins and reports are used: it has none of its own. Nothing is missing either."""
    result = invoke("verify", "parity", "--course", COURSE)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "The course is verified" in result.stdout
    assert "warning" not in result.stdout


def test_its_calibration_is_up_to_date_and_speaks_for_it():
    from grader.course import calibration
    from grader.course.loading import load_course
    from grader.course.settings import read_settings

    course = load_course(read_settings(COURSE), entry_points=False)
    (exercise,) = course.exercises
    found = calibration.load(COURSE, exercise, next(check for check in exercise.checks if check.task is not None))
    assert found is not None, "stale: grade verify parity --course tests/tutorial --calibrate 25 --mistakes 4"
    assert "has not been measured" not in calibration.statement(found)
    runs = found.runs()
    assert sum(share < 1 for share in runs) <= len(runs) / 10
    assert all(found.share(row) == 0 for row in found.of(references=False))
