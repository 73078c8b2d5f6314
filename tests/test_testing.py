"""`grader.testing`: what the tests of a colleague's exercises and plugins are given, and that nobody else gets it.

Our own tests use the same fixtures (`conftest.py`); a package that uses them: `third_party_plugin`, whose tests are run
by `course/test_third_party.py`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader.course.loading import UnknownExercise, load_course
from grader.course.settings import read_settings
from grader.testing import verdict

ROOT = Path(__file__).parents[1]

TINY = '''"""Write `one()`."""

import time

from grader import Exercise, expect

exercise = Exercise("tiny", title="Tiny", statement=__doc__, names=("one",), limits={"seconds": 50})


@exercise.check(points=3)
def answers(student):
    """one() is 1."""
    expect(student.call("one") == 1, "one() is something else", "Return 1.")


@exercise.check(points=1)
def divides(student):
    """one() is not 0."""
    expect(1 / student.call("one") != 0, "it cannot be")
'''
ONE = "def one():\n    return 1\n"
FIXTURES = ["archive", "course", "course_folder", "grade", "notebook", "session_for", "submission"]


@pytest.fixture
def course(tmp_path):
    """A course of one exercise."""
    folder = tmp_path / "course" / "exercises" / "tiny"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(TINY)
    return load_course(read_settings(tmp_path / "course"), entry_points=False)


def test_a_submission_is_graded_whatever_it_was_written_as(grade, submission, archive, notebook):
    text = {"cell_type": "markdown", "metadata": {}, "source": "An answer."}
    for path in (submission({"tiny.py": ONE}), archive({"tiny.py": ONE.encode()}), notebook([text, ONE])):
        found = grade(path, exercise="tiny")
        assert (found.submission, found.points, found.seed) == ("ada", 4, 1)


def test_a_verdict_is_found_by_its_check(grade, submission):
    found = grade(submission({"tiny.py": ONE.replace("1", "2")}), exercise="tiny", seed=7)
    assert found.seed == 7
    lost = verdict(found, "answers")
    assert (lost.id, lost.status, lost.points, lost.hint) == ("answers", "failed", 0, "Return 1.")
    assert verdict(found.exercises[0], "divides").status == "passed"
    with pytest.raises(LookupError, match=r"unknown check 'answer'; available: answers, divides$"):
        verdict(found, "answer")
    with pytest.raises(LookupError, match=r"available: none: .*no Python file"):
        verdict(grade(submission({"notes.txt": "x"}, "bob"), exercise="tiny"), "answers")


def test_an_exercise_that_does_not_exist_is_named_with_those_that_do(grade, submission, course):
    with pytest.raises(UnknownExercise) as raised:
        grade(submission({"tiny.py": ONE}), exercise="tinny")
    where = f"(in the course {course.settings.folder})"
    assert str(raised.value) == f"unknown exercise 'tinny'; available: tiny {where}"
    course.exercises.clear()
    with pytest.raises(UnknownExercise, match=r"available: none .* once it is installed, as with `pip install -e"):
        grade(submission({"tiny.py": ONE}), exercise="tiny")


def test_what_is_wrong_with_a_call_is_said_before_anything_is_graded(grade, submission, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"ada\.py: there is nothing to grade"):
        grade(tmp_path / "ada.py", exercise="tiny")
    with pytest.raises(TypeError, match="'second'"):
        grade(submission({"tiny.py": ONE}), exercise="tiny", second=1)


def test_limits_of_a_test_override_those_of_the_exercise(grade, submission, course):
    path = submission({"tiny.py": "def one():\n    while True:\n        pass\n"})
    (found,) = grade(path, exercise="tiny", seconds=0.5).exercises
    assert (found.status, found.seconds < 20) == ("timeout", True)
    assert course.exercises[0].limits == {"seconds": 50}, "the course is as it was"


def test_a_check_that_fails_itself_shows_its_traceback(grade, submission, capfd):
    found = grade(submission({"tiny.py": ONE.replace("1", "0")}), exercise="tiny")
    assert found.exercises[0].status == "broken"
    assert re.search(r"Traceback.*in divides\n.*ZeroDivisionError", capfd.readouterr().err, re.DOTALL)


# What a colleague sees.


@pytest.fixture
def run_pytest(course, tmp_path):
    """Run pytest in the course's folder, whose tests are these files, as a colleague would."""

    def run(files, *arguments):
        for name, text in {"pyproject.toml": "[tool.pytest.ini_options]\n", **files}.items():
            file = tmp_path / "course" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRADE_", "PYTEST_"))}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *arguments]
        done = subprocess.run(command, cwd=tmp_path / "course", env=clean, capture_output=True, text=True, timeout=120)
        return done.stdout + done.stderr

    return run


def test_who_opts_in_does_not_wait_for_torch():
    """It is imported with the conftest of a package, some of whose tests grade nothing."""
    code = "import sys, grader.testing; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


OPT_IN = 'pytest_plugins = ["grader.testing"]\n'


@pytest.mark.slow
def test_nothing_is_defined_for_those_who_did_not_opt_in(run_pytest):
    asking = "".join(f"def test_{name}({name}):\n    pass\n" for name in FIXTURES)
    told = run_pytest({"tests/test_all.py": asking})
    assert sorted(re.findall(r"fixture '(\w+)' not found", told)) == FIXTURES, told
    told = run_pytest({"tests/conftest.py": OPT_IN}, "--fixtures", "tests")
    ours = told.split("fixtures defined from grader.testing")[1].split("fixtures defined from")[0]
    assert sorted(re.findall(r"^(\w+)(?: \[session scope\])? -- \S*grader/testing\.py", ours, re.MULTILINE)) == FIXTURES


STARTED = """
import os
import sys
from pathlib import Path

import pytest


def children():
    return [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


JAILS = []


def test_nothing_starts_before_something_is_graded(submission, archive, notebook, course, grade):
    path = submission({"tiny.py": "def one(): return 1"})
    with pytest.raises(Exception, match="available: tiny"):
        grade(path, exercise="other")
    assert not children() and "grader.jail.host" not in sys.modules


@pytest.mark.parametrize("seed", [1, 2])
def test_a_grading(seed, submission, course, grade, session_for):
    assert grade(submission({"tiny.py": "def one(): return 1"}), exercise="tiny", seed=seed).points == 4
    JAILS.append((session_for(course), children()))


def test_one_jail_served_both():
    assert JAILS[0][0] is JAILS[1][0]
    assert JAILS[0][1] and JAILS[0][1] == JAILS[1][1] == children()


def test_another_course_takes_its_place(course, session_for):
    from grader.course.loading import load_course

    other = load_course(course.settings)
    assert session_for(other).course is other
    assert len(children()) == len(JAILS[0][1]) and children() != JAILS[0][1]
"""


@pytest.mark.slow
def test_one_jail_serves_all_tests_from_the_first_that_grades(run_pytest):
    told = run_pytest({"tests/conftest.py": OPT_IN, "tests/test_started.py": STARTED})
    assert re.search(r"=+ 5 passed in", told), told


@pytest.mark.slow
def test_a_wrong_call_is_shown_in_the_line_of_the_test(run_pytest):
    test = 'def test_mine(grade, submission):\n    grade(submission({"tiny.py": ""}), exercise="tinny")\n'
    told = run_pytest({"tests/conftest.py": OPT_IN, "tests/test_mine.py": test})
    assert '>       grade(submission({"tiny.py": ""}), exercise="tinny")\nE ' in told.replace("^", "").replace(
        "\n\n", "\n"
    )
    assert "UnknownExercise: unknown exercise 'tinny'; available: tiny (in the course" in told
    assert "grader/testing.py" not in told


@pytest.mark.slow
def test_a_course_that_cannot_be_loaded_is_one_line_and_may_be_elsewhere(run_pytest):
    elsewhere = (
        "from pathlib import Path\nimport pytest\n\n@pytest.fixture(scope='session')\n"
        "def course_folder():\n    return Path(__file__).parent / 'other'\n"
    )
    test = "def test_mine(course):\n    pass\n"
    told = run_pytest({"tests/conftest.py": OPT_IN + elsewhere, "tests/test_mine.py": test})
    assert re.search(r"^the course cannot be loaded: \S+/tests/other: no such course folder$", told, re.MULTILINE), told
    assert "Traceback" not in told and "raise " not in told


CONFTEST = """
import pytest

from grader.testing import Course, FilesFixture, Grade, GradeFixture, NotebookFixture, Session, Verdict, verdict

pytest_plugins = ["grader.testing"]


@pytest.fixture
def answer(submission: FilesFixture, notebook: NotebookFixture, grade: GradeFixture, course: Course) -> Grade:
    submission({1: "not a name"})
    notebook(["x = 1"], "a.ipynb")
    reveal_type(course)
    reveal_type(verdict(grade(submission({"tiny.py": "x"}), exercise="tiny", seed=1, seconds=5), "answers"))
    return grade(submission({"tiny.py": "x"}), seed=1)
"""


@pytest.mark.slow
def test_a_conftest_with_types_can_be_checked_and_used(run_pytest, tmp_path):
    """The types are imported before pytest hears of the plugin: even so there is no warning about it."""
    told = run_pytest(
        {"tests/conftest.py": CONFTEST.replace("reveal_type", ""), "tests/test_mine.py": "def test(): ()"}
    )
    assert re.search(r"=+ 1 passed in", told), told
    (tmp_path / "conftest.py").write_text(CONFTEST)
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "conftest.py"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert re.findall(r'Revealed type is "(?:\w+\.)*(\w+)"', said) == ["Course", "Verdict"], said
    assert re.findall(r"^conftest.py:(\d+): error", said, re.MULTILINE) == ["11", "15"], said
