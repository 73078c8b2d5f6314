"""Source that is hard to read for the tokenizer, the parser, the compiler, or what runs it statement by statement."""

import pytest

from grader import Exercise, expect
from grader.grading.grading import grade_exercise
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits

pytestmark = pytest.mark.jail

GOOD = "def quick():\n    return 7\n"

exercise = Exercise("task", title="A task", statement="Answer.", names=("quick",))


@exercise.check(points=1)
def answers(student):
    """`quick()` is 7."""
    expect(student.call("quick") == 7, "`quick` is wrong")


@pytest.fixture
def graded(zygote, submission):
    """Grade this source as `task.py`, in the real jail."""

    def run(source, **limits):
        given = Limits(**{"seconds": 20, "top_level_seconds": 1, "memory_mib": 500, **limits})
        staged = stage(submission({"task.py": source}), zygote, given)
        assert staged.problem is None
        try:
            return grade_exercise(staged, exercise, given, zygote, seed=1)
        finally:
            unstage(staged, zygote)

    return run


DEEP = 100_000
SOURCES = {  # name: (statements in front of right ones, status, words of the message or of the first note)
    "parentheses": (f"x = {'(' * DEEP}{')' * DEEP}", "error", "too many nested parentheses"),
    "lists": (f"x = {'[' * DEEP}{']' * DEEP}", "error", "too many nested parentheses"),
    "lambdas": (f"x = {'lambda: ' * DEEP}0", "error", "nested too deeply"),
    "attributes": (f"x = y{'.a' * DEEP}", "error", "cannot be read as Python"),
    "calls": (f"x = y{'()' * DEEP}", "error", "cannot be read as Python"),
    "powers": (f"x = {'1 ** ' * DEEP}1", "error", "cannot be read as Python"),
    "conditions": (f"x = {'1 if 1 else ' * DEEP}1", "error", "cannot be read as Python"),
    "blocks": ("".join(" " * i + "if 1:\n" for i in range(101)) + " " * 101 + "pass", "error", "levels of indentation"),
    "loops": ("".join(" " * i + "for a in b:\n" for i in range(30)) + " " * 30 + "pass", "graded", "nested blocks"),
    "a long elif": ("if 0: pass\n" + "elif 0: pass\n" * DEEP, "error", "nested too deeply"),
    "an elif that can be read": ("if 0: pass\n" + "elif 0: pass\n" * 1200, "graded", "line 1, was left out: Recursion"),
    "f-strings": (f"x = {'f' + chr(39) + '{'}" * 200, "error", "f-string"),
    "decorators": ("def d(f): return f\n" + "@d\n" * 20_000 + "def g(): pass", "graded", None),
    "operands": (f"x = {'1 or ' * 20_000}1", "graded", None),
    "a million digits": (f"x = {'9' * 10**6}", "error", "4300 digits"),
    "a million hexadecimal digits": (f"x = 0x{'9' * 10**6}", "graded", None),
    "a power that is huge": ("x = 2 ** 10 ** 9", "graded", "line 1, was left out"),
    "a text that is huge": ("x = 'a' * 10 ** 9", "graded", "line 1, was left out"),
    "a tuple that is huge": ("x = (((0,) * 1000) * 1000) * 1000", "graded", "line 1, was left out"),
    "no limit to recursion": (
        "import sys; sys.setrecursionlimit(10 ** 9)\nf = lambda: f()\nx = f()",
        "graded",
        "was left out",
    ),
    "a future twice": ("from __future__ import annotations, annotations", "graded", None),
    "a future that is none": ("from __future__ import all_feature_names", "graded", "is not defined"),
    "an encoding that is none": ("# coding: zlib", "error", "not a text encoding"),
    "an encoding that raises": ("# coding: undefined", "error", "undefined encoding"),
    "two marks of the byte order": (b"\xef\xbb\xbf\xef\xbb\xbf", "error", "non-printable character U+FEFF"),
    "a mark and another encoding": (b"\xef\xbb\xbf# coding: latin-1", "error", "encoding problem"),
    "UTF-32": (GOOD.encode("utf-32"), "error", "UTF-8"),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), "error", "null bytes"),
    "a null byte in a string": (b"x = 'a\0b'", "error", "null bytes"),
    "latin-1 that says so": ("# coding: latin-1\nx = 'é'\nassert len(x) == 1".encode("latin-1"), "graded", None),
}


@pytest.mark.parametrize(("front", "status", "words"), SOURCES.values(), ids=SOURCES)
def test_source_that_is_hard_to_read_is_told_in_words(graded, front, status, words):
    """As the file's error, or as the one statement that was left out; never as a fault of ours."""
    front = front.encode() if isinstance(front, str) else front
    result = graded(front + b"\n" + GOOD.encode())
    said = result.message if status == "error" else next(iter(result.notes), None)
    assert (result.status, result.points) == (status, 1.0 if status == "graded" else 0.0), (said, result)
    assert said is None if words is None else words in said, said
    assert "protocol" not in result.flags
    assert "loading it raised" not in str(result.message)
    assert len(said or "") <= 1000


@pytest.mark.slow
@pytest.mark.parametrize("count", [25_000, 200_000])
def test_any_number_of_statements_is_no_forgery(graded, count):
    """They run, or the time for them is spent: the channel belongs to nobody but the grader all the same."""
    result = graded("x = 1\n" * count + GOOD, seconds=45, memory_mib=2000)
    assert result.flags == []
    assert result.status == "graded" if count < 100_000 else result.status in ("graded", "timeout")
    assert "channel" not in str(result)
