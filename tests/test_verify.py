"""`grade verify` on small courses that do not prove what they should."""

import pytest

EXERCISE = '''
"""Answer."""
from grader import Exercise, expect, hookimpl

exercise = Exercise("answer", title="Answer", statement=__doc__, names=("answer",))

@exercise.check(points=1)
def right(student):
    """answer() is 42."""
    value = student.call("answer")
    expect(value == 42, f"answer() is {value}", hint="Think of the universe.")

@exercise.check(points=1, needs=right)
def constant(student):
    """answer() stays what it is."""
    expect(student.call("answer") == student.call("answer"), "answer() changes")

@hookimpl
def grader_exercises():
    return [exercise]
'''
GOOD = "def answer():\n    return 42\n"
WRONG = '"""answer.right: one too few.\n\nHint: universe\n"""\ndef answer():\n    return 41\n'
RESTLESS = (
    '"""answer.constant: it counts its calls.\n\nHint: changes\n"""\n'
    "calls = []\n"
    "def answer():\n    calls.append(1)\n    return 42 if len(calls) < 2 else len(calls)\n"
)
COURSE = {
    "exercises/answer.py": EXERCISE,
    "exercises/starters/answer.py": "def answer():\n    raise NotImplementedError\n",
    "solutions/reference/answer.py": GOOD,
    "solutions/wrong/answer.py": WRONG,
    "solutions/restless/answer.py": RESTLESS,
}


@pytest.fixture
def verify(cli, submission):
    """Verify the course above with some files changed; those that are None are left out."""

    def run(changes, *options):
        files = {path: text for path, text in {**COURSE, **changes}.items() if text is not None}
        return cli("verify", "--course", submission(files, name="course"), "--seed", 3, *options)

    return run


def test_a_course_that_proves_itself_passes(verify):
    result = verify({})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "The course proves itself (seed 3)" in result.stdout


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"solutions/reference/answer.py": WRONG}, "right is failed: answer() is 41"),
        ({"solutions/reference/answer.py": None}, "the exercise has no reference solution"),
        ({"solutions/restless/answer.py": None}, "no mistake in solutions/ fails this check"),
        ({"solutions/wrong/answer.py": WRONG.replace("universe", "tanh")}, "right says nothing of 'tanh'"),
        ({"solutions/wrong/answer.py": WRONG.replace("41", "42")}, "right is passed"),
        ({"solutions/wrong/answer.py": WRONG.replace("right:", "left:")}, "names 'answer.left', which is no check"),
        ({"solutions/wrong/answer.py": "def answer():\n    return 41\n"}, "its first line must read"),
        ({"exercises/starters/answer.py": GOOD}, "a starter earns 0 and breaks nothing"),
        ({"exercises/starters/answer.py": None}, "answer.py is missing in exercises/starters"),
    ],
)
def test_what_is_not_proved_is_said(verify, changes, words):
    result = verify(changes)
    assert result.returncode == 1, result.stdout + result.stderr
    assert words in result.stdout


def test_a_course_without_solutions_cannot_be_verified(verify):
    result = verify({path: None for path in COURSE if path.startswith("solutions")})
    assert result.returncode == 2
    assert "has no solutions/ folder" in result.stderr


def test_one_solution_can_be_verified_alone(verify):
    broken = {"solutions/wrong/answer.py": WRONG.replace("41", "42")}
    result = verify(broken, "--only", "restless", "--only", "reference")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("ok ") == 2
    assert "All is as the solutions say" in result.stdout
    result = verify(broken, "--only", "wrong")
    assert result.returncode == 1
    assert "right is passed" in result.stdout
    assert "\n1 problems" in result.stdout


def test_a_solution_that_is_not_there_is_named(verify):
    result = verify({}, "--only", "rigth")
    assert result.returncode == 2
    assert "solutions/ has no folder 'rigth'" in result.stderr
