"""Where a course's files stand: an exercise is a folder, its mistakes stand below its name, and a course in the layout
of before is told where to put what it has."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from grader.cli.main import main
from grader.course.loading import load_course
from grader.course.settings import CourseError, read_settings
from grader.verify.claims import solutions_to

EXERCISE = '''"""Is the number of ones odd?"""
from grader import Exercise, expect

exercise = Exercise("parity", title="Parity", statement=__doc__, names=("parity",))

@exercise.check(points=1)
def odd(student):
    """parity([1, 1, 1]) is 1."""
    expect(student.call("parity", [1, 1, 1]) == 1, "it is not", hint="Count them.")
'''
RIGHT = "def parity(bits):\n    return sum(bits) % 2\n"
WRONG = '"""parity.odd: it is never odd.\n\nHint: count\n"""\ndef parity(bits):\n    return 0\n'
COURSE = {
    "exercises/parity/__init__.py": EXERCISE,
    "exercises/parity/starter.py": "def parity(bits):\n    raise NotImplementedError\n",
    "solutions/reference/parity.py": RIGHT,
    "solutions/parity/never-odd/parity.py": WRONG,
}
EACH = "each exercise has its own; move what is in it to exercises/<id>"
OF_BEFORE = {
    "exercises/parity.py": "exercises/parity.py: an exercise is a folder; move this file to "
    "exercises/parity/__init__.py",
    "exercises/starters/parity.py": f"exercises/starters/: {EACH}/starter.py",
    "exercises/calibration/parity.odd.cpu.json": f"exercises/calibration/: {EACH}/calibration/",
}
"""A file where it stood before -> the sentence that names its new place."""
BESIDE = "solutions/never-odd: mistakes belong below their exercise; move it to solutions/parity/never-odd"


@pytest.fixture
def course(submission):
    """Write the course with some files more, or fewer where they are None."""

    def write(changes):
        return submission({p: text for p, text in {**COURSE, **changes}.items() if text is not None}, name="course")

    return write


def loaded(folder):
    return load_course(read_settings(folder), entry_points=False)


def test_a_file_that_makes_an_exercise_brings_it_without_a_hook(course):
    (exercise,) = loaded(course({})).exercises
    assert (exercise.id, exercise.max_points) == ("parity", 1)


def test_a_folder_of_before_that_is_empty_is_nothing(course):
    folder = course({"exercises/starters/.keep": "", "exercises/calibration/__pycache__/x.pyc": ""})
    assert [exercise.id for exercise in loaded(folder).exercises] == ["parity"]


def test_solutions_are_the_references_and_what_stands_below_the_exercises_name(course):
    folder = course({"solutions/reference-other/parity.py": RIGHT, "solutions/parity/notes.md": "words"})
    found = loaded(folder)
    assert [path.name for path in solutions_to(found, found.exercises[0])] == [
        "never-odd",
        "reference",
        "reference-other",
    ]


@pytest.mark.parametrize("old", OF_BEFORE)
@pytest.mark.parametrize("also_new", [True, False])
def test_a_course_in_the_layout_of_before_is_told_the_new_place(course, old, also_new):
    """In one sentence; nor is the new place read where something stands in the old."""
    new = "exercises/parity/__init__.py"
    folder = course({old: EXERCISE} if also_new else {old: EXERCISE, new: None})
    result = CliRunner().invoke(main, ["exercises", "--course", str(folder)])
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", f"grade: {OF_BEFORE[old]}\n")


@pytest.mark.slow
@pytest.mark.parametrize("command", [["show", "parity"], ["submit", "solutions/reference"], ["verify"]])
def test_whichever_command_meets_it_and_before_anything_is_graded(invoke, course, command):
    folder = course({"exercises/parity.py": EXERCISE})
    result = invoke(*(folder / word if "/" in word else word for word in command), "--course", folder)
    assert (result.returncode, result.stdout, result.stderr) == (3, "", f"grade: {OF_BEFORE['exercises/parity.py']}\n")


def test_a_mistake_beside_the_references_is_told_its_place(course):
    """Whichever exercise is asked about."""
    other = {"exercises/other/__init__.py": EXERCISE.replace('"parity", t', '"other", t')}
    found = loaded(course({**other, "solutions/never-odd/parity.py": WRONG}))
    for exercise in found.exercises:
        with pytest.raises(CourseError) as refused:
            solutions_to(found, exercise)
        assert str(refused.value) == BESIDE


def test_a_reference_among_the_mistakes_is_told_its_place(course):
    """It would stand in the place of the one above, whose name it has."""
    found = loaded(course({"solutions/parity/reference/parity.py": RIGHT}))
    with pytest.raises(CourseError) as refused:
        solutions_to(found, found.exercises[0])
    where = "solutions/parity/reference: references belong directly in solutions/; move it to solutions/reference"
    assert str(refused.value) == where


def test_a_name_that_begins_like_a_hook_is_none(course):
    """An exercise may call what it imports as it likes."""
    source = EXERCISE.replace("from grader import", "from grader import data as grader_data\nfrom grader import")
    assert [exercise.id for exercise in loaded(course({"exercises/parity/__init__.py": source})).exercises] == [
        "parity"
    ]


def test_an_id_that_can_be_no_file_of_pythons_is_refused(course):
    changes = {"exercises/parity/__init__.py": None, "exercises/bit-parity/__init__.py": EXERCISE}
    changes["exercises/bit-parity/__init__.py"] = EXERCISE.replace('"parity", t', '"bit-parity", t')
    with pytest.raises(
        CourseError, match="'bit-parity' is the name of the file that students submit; use letters, digits and _"
    ):
        loaded(course(changes))


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--only", "never-odd"]])
def test_nothing_is_verified_while_a_mistake_stands_beside_the_references(invoke, course, options):
    result = invoke("verify", "--course", course({"solutions/never-odd/parity.py": WRONG}), *options)
    assert (result.returncode, result.stdout, result.stderr) == (3, "", f"grade: {BESIDE}\n")


@pytest.mark.slow
def test_nor_is_it_an_item_of_pytest(course):
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRADE_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--grade-verify", "solutions"]
    folder = course({"solutions/never-odd/parity.py": WRONG})
    result = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert BESIDE in result.stdout
    assert "Traceback" not in result.stdout


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1\n", "it defines no exercise; write `exercise = Exercise(...)`"),
        (EXERCISE.replace("exercise", "made"), "it defines no exercise; write `exercise = Exercise(...)`"),
        (
            EXERCISE.replace('"parity", t', '"other", t'),
            "its exercise is called 'other'; call its folder exercises/other",
        ),
    ],
    ids=["nothing", "another name", "another id"],
)
def test_a_folder_that_does_not_bring_what_it_is_called_is_refused(course, source, words):
    with pytest.raises(CourseError) as refused:
        loaded(course({"exercises/parity/__init__.py": source}))
    assert str(refused.value) == f"exercises/parity/__init__.py: {words}"
