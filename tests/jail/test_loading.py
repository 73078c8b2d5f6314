"""Finding a submission's module and running its top level: what defines is graded, what fails is noted."""

import textwrap
import time

import pytest

from grader import Exercise, expect
from grader.grading.grading import grade_exercise
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits

pytestmark = pytest.mark.jail

GOOD = """
from torch import nn
class MyRNN(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.sum = a + b
    def forward(self):
        return self.sum
"""
OTHER = GOOD.replace("a + b", "a * b")
DEAD = "Nothing in this file runs, and it ends nowhere: ("

FUTURE_DATACLASS = """from __future__ import annotations
from dataclasses import dataclass, fields
from typing import ClassVar
@dataclass
class C:
    k: ClassVar[int] = 0
assert not fields(C)
"""

exercise = Exercise("my_rnn", title="A class", statement="A class.", names=("MyRNN",))


@exercise.check(points=1)
def sums(student):
    """MyRNN(2, 3)() is 5."""
    result = student.build("MyRNN", 2, 3)()
    expect(result == 5, f"it is {result}")


def seen_by_path(cases, *names):
    """The cases, of which these look for files: repeated at every level."""
    marks = dict.fromkeys(names, pytest.mark.isolation)
    assert set(names) <= set(cases)
    return [pytest.param(case, id=name, marks=marks.get(name, ())) for name, case in cases.items()]


@pytest.fixture
def load(submission, zygote):
    """Grade files with the small exercise above."""

    def run(files, **limits):
        files = files if isinstance(files, dict) else {"my_rnn.py": files}
        given = Limits(**limits)
        staged = stage(submission(files), zygote, given)
        assert staged.problem is None
        try:
            return grade_exercise(staged, exercise, given, zygote, seed=1)
        finally:
            unstage(staged, zygote)

    return run


def assert_passes(grade, *notes):
    """Full points, and notes that contain these words, one each."""
    assert (grade.status, grade.points, grade.message) == ("graded", 1.0, None), grade
    assert len(grade.notes) == len(notes), grade.notes
    for note, words in zip(grade.notes, notes, strict=True):
        assert words in note


# Where the module lies.


@pytest.mark.parametrize(
    "files",
    {
        "at the top": {"my_rnn.py": GOOD, "other.py": OTHER, "a/my_rnn.py": OTHER},
        "at the top, though another defines it": {"my_rnn.py": "from model import MyRNN", "model.py": GOOD},
        "in the only folder": {"ada/my_rnn.py": GOOD, "ada/b/my_rnn.py": OTHER},
        "in the only folder beside other files": {"ada/my_rnn.py": GOOD, "main.py": OTHER},
        "in the only folder that is looked at": {
            "ada/my_rnn.py": GOOD,
            "__MACOSX/my_rnn.py": OTHER,
            ".hidden/my_rnn.py": OTHER,
            ".venv/my_rnn.py": OTHER,
            "__pycache__/my_rnn.py": OTHER,
            "grade-report/my_rnn.py": OTHER,
            ".my_rnn.py": OTHER,
        },
        "the one file that defines it": {"a/homework.py": GOOD, "b/other.py": "x = 1", "broken.py": DEAD},
        "deep down": {"a/b/c/d/my_rnn.py": GOOD, "b/x.py": ""},
        "in two folders, one of that name": {"a/my_rnn.py": GOOD, "b/x.py": ""},
        "a name bound by an import": {"main.py": "from model import MyRNN", "z/model.py": ""} | {"model.py": GOOD},
        "a name bound by an assignment": {"main.py": GOOD.replace("MyRNN", "Net") + "MyRNN = Net"},
        "a name bound in a branch": {"main.py": "if True:\n" + textwrap.indent(GOOD, "    ")},
    }.items(),
    ids=lambda item: item[0],
)
def test_the_module_is_found(load, files):
    assert load(files[1]).points == 1.0


def test_two_files_that_define_it_are_told(load):
    """The shallower is graded; of two on one level, the first by name."""
    assert_passes(load({"a/b/one.py": OTHER, "z/two.py": GOOD}), "`z/two.py` was graded, not `a/b/one.py`")
    assert "`b.py` was graded, not `c.py`" in load({"c.py": OTHER, "b.py": GOOD}).notes[0]


def test_a_lone_file_may_have_any_name(load, zygote, submission):
    folder = submission({"Ada's homework (2).py": GOOD})
    staged = stage(folder / "Ada's homework (2).py", zygote, Limits())
    assert_passes(grade_exercise(staged, exercise, Limits(), zygote, seed=1))
    assert staged.name == "Ada's homework (2)"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"my_rnn.py": GOOD.replace("MyRNN", "MyRnn")}, "found `MyRnn` in `my_rnn.py`, expected `MyRNN`"),
        ({"my_rnn.py": GOOD.replace("MyRNN", "my_rnn")}, "found `my_rnn` in `my_rnn.py`, expected `MyRNN`"),
        ({"a/b.py": GOOD.replace("MyRNN", "MyRNN2")}, "found `MyRNN2` in `a/b.py`, expected `MyRNN`"),
        ({"my_rnn.py": GOOD.replace("MyRNN", "Transformer")}, "`my_rnn.py` does not define `MyRNN`"),
        ({"main.py": "x = 1"}, "no file defines `MyRNN`"),
        ({"my_rnn.py": ""}, "`my_rnn.py` does not define `MyRNN`"),
        ({"my_rnn.py": "# to do\n\n# tomorrow\n"}, "`my_rnn.py` does not define `MyRNN`"),
        ({"my_rnn.py": '"""Only a docstring."""'}, "`my_rnn.py` does not define `MyRNN`"),
        ({"__MACOSX/my_rnn.py": GOOD, "x.py": ""}, "no file defines `MyRNN`"),
    ],
)
def test_what_is_missing_is_named_with_the_nearest_found(load, files, message):
    grade = load(files)
    assert (grade.status, grade.message, grade.points) == ("missing", message, 0.0)
    assert {check.status for check in grade.checks} == {"skipped"}


# What the top level may do.


@pytest.mark.parametrize(
    ("statement", "note"),
    [
        ("print('hello')", None),
        ("if __name__ == '__main__':\n    1 / 0", None),
        ("assert __name__ == 'my_rnn'", None),
        ("name = input('Your name? ')", "EOFError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise ValueError('in the last line')", "ValueError: in the last line"),
        ("import matplotlib.pyplot as plt", "No module named 'matplotlib'"),
        ("plt.plot([1, 2])", "NameError: name 'plt' is not defined"),
        ("undefined", "NameError"),
        ("open('data.csv')", "No such file or directory: 'data.csv'"),
        ("return 3", "'return' outside function"),
        ("async def f():\n    pass\nawait f()", "'await' outside function"),
        ("import torch\ntorch.load('model.pt')", "No such file"),
        ("from torch import nothing", "cannot import name 'nothing' from 'torch'"),
        ("class E(Exception):\n    def __str__(self): raise self\nraise E", "cannot be shown"),
        ("import os; os._exit(0)", "ended the process"),
        ("import os, signal; os.kill(os.getpid(), 11)", None),
        ("globals()[1] = 2", None),
        ("class P:\n    @property\n    def __module__(self): raise KeyError\np = P()", None),
        ("for step in range(3):\n    print(step)\n    loss = step / 0", "ZeroDivisionError"),
        ("del nothing", "NameError"),
        ("__name__ = None; __file__ = None", None),
    ],
)
@pytest.mark.parametrize("where", ["above", "below"])
def test_statements_that_fail_are_noted_not_punished(load, statement, note, where):
    source = f"{statement}\n{GOOD}" if where == "above" else f"{GOOD}\n{statement}\n"
    grade = load(source)
    assert (grade.status, grade.points) == ("graded", 1.0), grade
    if note is not None:
        assert note in grade.notes[0]
        assert "was left out" in grade.notes[0]
        assert "/" not in grade.notes[0].replace("torch/", "")
        assert grade.flags == ["plain-import-failed"]


@pytest.mark.isolation
def test_a_statement_that_hangs_is_cut_and_noted(load):
    """The host cuts: whatever the statement does about signals and exceptions."""
    started = time.monotonic()
    stuck = "import time\nwhile True:\n    try:\n        time.sleep(30)\n    except BaseException:\n        pass\n"
    grade = load(stuck + GOOD, top_level_seconds=0.5)
    assert time.monotonic() - started < 5
    assert_passes(grade, "`my_rnn.py`, line 2, was left out: it did not finish in time")


def test_a_hanging_assignment_and_a_hanging_script_share_the_budget(load):
    script = "import time\nx = time.sleep(30)\n" + GOOD + "time.sleep(30)\ny = time.sleep(30)\n"
    started = time.monotonic()
    grade = load(script, top_level_seconds=0.6)
    assert time.monotonic() - started < 6
    assert (grade.status, grade.points, len(grade.notes)) == ("graded", 1.0, 3)


def test_a_hanging_sibling_is_cut_as_well(load):
    files = {"my_rnn.py": "import helper\n" + GOOD, "helper.py": "import time\nx = 1\ntime.sleep(30)\ny = 2\n"}
    assert_passes(load(files, top_level_seconds=0.3), "`helper.py`, line 3, was left out")


def test_a_definition_that_hangs_spends_the_attempt(load):
    grade = load("class A:\n    while True:\n        pass\n" + GOOD, seconds=1, top_level_seconds=0.3)
    assert (grade.status, grade.points) == ("timeout", 0.0)


def test_a_long_script_of_slow_statements_is_not_punished(load):
    """Cells of a third of a second: what is over the budget is left out in one go, and costs nothing of the rest."""
    started = time.monotonic()
    grade = load(GOOD + "import time\n" + "time.sleep(0.35)\n" * 60, seconds=5, top_level_seconds=0.5)
    assert time.monotonic() - started < 5
    assert (grade.status, grade.points) == ("graded", 1.0)
    assert "more statements were left out" in grade.notes[-1]


@pytest.mark.parametrize(
    "statement", ["x = time.sleep(0.2)\n", "time.sleep(0.2)\n"], ids=["assigns", "defines nothing"]
)
def test_many_quick_statements_spend_somebodys_time(load, statement):
    """None is long enough to be cut; together they would never end."""
    started = time.monotonic()
    grade = load("import time\n" + statement * 2000 + GOOD, seconds=2, top_level_seconds=0.5)
    assert time.monotonic() - started < 10
    assert grade.status in ("timeout", "graded")


def test_a_training_script_runs_once(load):
    """A second worker, after a crash, does not wait for it again, and nobody is told that it failed."""
    source = GOOD.replace("return self.sum", "import os; os._exit(1)") + "import time\ntime.sleep(1.2)\n"
    started = time.monotonic()
    grade = load(source)
    assert grade.status == "crashed"
    assert not grade.notes
    assert time.monotonic() - started < 5


def test_much_output_is_dropped_and_noted(load):
    grade = load("print('a' * 5_000_000)\n" + GOOD)
    assert_passes(grade, "printed more than 1024 KiB")
    assert grade.flags == ["output-limit"]


# What a definition may look like.


@pytest.mark.parametrize(
    "source",
    seen_by_path(
        {
            "an alias": GOOD.replace("MyRNN", "Net") + "MyRNN = Net",
            "made by a function": "def make():\n" + textwrap.indent(GOOD, "    ") + "    return MyRNN\nMyRNN = make()",
            "in a try": "try:\n    import pandas\n"
            + textwrap.indent(GOOD, "    ")
            + "except ImportError:\n"
            + textwrap.indent(GOOD, "    "),
            "in an if": "import torch\nif torch.cuda.is_available():\n    pass\nelse:\n"
            + textwrap.indent(GOOD, "    "),
            "in a with": "import torch\nwith torch.no_grad():\n" + textwrap.indent(GOOD, "    "),
            "defined twice": OTHER + GOOD,
            "changed later": OTHER + "MyRNN.forward = lambda self: 5",
            "decorated": "def keep(c):\n    return c\n" + GOOD.replace("class", "@keep\n@(lambda c: c)\nclass"),
            "with global state": "count = 0\n"
            + GOOD.replace("return", "global count; count += 5; return count if count == 5 else"),
            "with future annotations": "from __future__ import annotations\n"
            + GOOD.replace("a, b", "a: Undefined, b: 'X'"),
            "with a docstring and future": '"""Doc."""\nfrom __future__ import annotations, division\n'
            + GOOD.replace("a, b", "a: No, b"),
            "beside a dataclass": "import dataclasses\n@dataclasses.dataclass\nclass C:\n"
            "    b: list = dataclasses.field(default_factory=list)\n" + GOOD.replace("a + b", "a + b + len(C().b)"),
            "beside a dataclass with future annotations": FUTURE_DATACLASS + GOOD.replace("a + b", "a + b + C().k"),
            "beside an enum and a NamedTuple": "import enum, typing\nclass E(enum.Enum): A = 0\n"
            "class N(typing.NamedTuple): a: int = 0\n" + GOOD.replace("a + b", "a + b + E.A.value + N().a"),
            "read by inspect": GOOD
            + "import inspect\nassert 'self.sum' in inspect.getsource(MyRNN)\n"
            + GOOD.replace(
                "return self.sum", "import inspect; return 5 if 'class MyRNN' in inspect.getsource(type(self)) else 0"
            ),
            "scripted": "import torch\n@torch.jit.script\ndef five(a: torch.Tensor):\n    return a + 5\n"
            + GOOD.replace("return self.sum", "return int(five(torch.zeros(())))"),
            "pickled and copied": GOOD.replace(
                "return self.sum", "import copy, pickle; return pickle.loads(pickle.dumps(copy.deepcopy(self))).sum"
            ),
            "generic": "from typing import Generic, TypeVar\nT = TypeVar('T')\n"
            + GOOD.replace("nn.Module)", "nn.Module, Generic[T])"),
            "with a walrus and a match": "if (n := 5) > 3:\n    pass\nmatch n:\n    case 5:\n        five = 5\n"
            + GOOD.replace("self.sum\n", "five\n"),
            "with annotations of the module": "x: int = 5\ny: str\nassert __annotations__ == {'x': int, 'y': str}\n"
            + GOOD,
            "that knows its file": "import os\nassert os.path.isfile(__file__)\n" + GOOD,
            "with 500 functions": "".join(f"def f{i}(): return {i}\n" for i in range(500))
            + GOOD.replace("self.sum\n", "f5()\n"),
            "one deep expression": "x = " + "[" * 90 + "]" * 90 + "\n" + GOOD,
        },
        "read by inspect",
        "scripted",
        "that knows its file",
    ),
)
def test_definitions_of_every_kind_are_found(load, source):
    assert_passes(load(source))


def test_a_definition_that_fails_is_named_with_its_reason(load):
    grade = load(GOOD.replace("    def forward", "    1 / 0\n    def forward"))
    assert grade.status == "error"
    assert grade.message == "`MyRNN` could not be defined: my_rnn.py, line 3: ZeroDivisionError: division by zero"
    assert grade.checks[0].status == "skipped"


def test_a_base_that_was_never_imported_is_named(load):
    grade = load("import pandas.nn as nn\n" + GOOD.replace("from torch import nn", ""))
    assert grade.status == "error"
    assert "line 4: NameError: name 'nn' is not defined" in grade.message
    assert "No module named 'pandas'" in grade.notes[0]


# Neighbours.


@pytest.mark.parametrize(
    "files",
    seen_by_path(
        {
            "a star import": {"my_rnn.py": "from model import *", "model.py": GOOD},
            "a package": {"my_rnn.py": "from lib.model import MyRNN", "lib/__init__.py": "", "lib/model.py": GOOD},
            "a package without __init__": {"my_rnn.py": "from lib.model import MyRNN", "lib/model.py": GOOD},
            "a relative import inside a package": {
                "my_rnn.py": "from lib import MyRNN",
                "lib/__init__.py": "from .model import MyRNN",
                "lib/model.py": "from . import base\nfrom .deep.down import one\n" + GOOD,
                "lib/base.py": "",
                "lib/deep/__init__.py": "",
                "lib/deep/down.py": "from ..base import __name__ as one",
            },
            "beside it in a folder": {"ada/my_rnn.py": "from model import MyRNN", "ada/model.py": GOOD},
            "from the top, out of a folder": {"ada/my_rnn.py": "from model import MyRNN", "model.py": GOOD},
            "a circle": {"my_rnn.py": "import a\n" + GOOD, "a.py": "import b\nx = 1", "b.py": "import a\ny = 2"},
            "a circle through itself": {
                "my_rnn.py": "five = 5\nimport a\n" + GOOD,
                "a.py": "import my_rnn\nassert my_rnn.five == 5",
            },
            "utils and test": {
                "my_rnn.py": "from utils import two\nfrom test import three\n" + GOOD.replace("a + b", "two + three"),
                "utils.py": "two = 2",
                "test.py": "three = 3",
            },
            "twice": {
                "my_rnn.py": "import a, b\nassert a.c is b.c\n" + GOOD,
                "a.py": "import c",
                "b.py": "import c",
                "c.py": "",
            },
            "importlib": {
                "my_rnn.py": "import importlib\nMyRNN = importlib.import_module('model').MyRNN",
                "model.py": GOOD,
            },
            "lazily": {"my_rnn.py": GOOD.replace("return", "from a import five; return five and"), "a.py": "five = 5"},
        },
        "a relative import inside a package",
    ),
)
def test_neighbours_can_be_imported(load, files):
    assert_passes(load(files))


@pytest.mark.parametrize("name", ["torch", "json", "numpy", "collections", "random", "typing", "math", "msgspec"])
def test_neighbours_do_not_hide_what_everything_stands_on(load, name):
    """A file called as a library is passed by; in nobody's grading does it replace the library."""
    files = {
        "my_rnn.py": f"import {name}\nassert {name}.__name__ == '{name}'\n" + GOOD,
        f"{name}.py": "raise ValueError('hidden')",
    }
    grade = load(files)
    assert (grade.status, grade.points) == ("graded", 1.0)
    assert "hidden" not in str(grade.notes)


def test_a_neighbour_that_fails_half_way_keeps_its_first_half(load):
    files = {
        "my_rnn.py": "from helper import five\n" + GOOD,
        "helper.py": "five = 5\nraise ValueError('half way')\nsix = 6",
    }
    assert_passes(load(files), "`helper.py`, line 2, was left out: ValueError: half way")


def test_a_neighbour_with_a_syntax_error_is_named(load):
    files = {"my_rnn.py": "import helper\n" + GOOD, "helper.py": "def f(:\n"}
    assert_passes(load(files), "invalid syntax (helper.py, line 1)")


def test_the_other_exercises_of_a_folder_are_neighbours_not_part(load):
    files = {"my_rnn.py": GOOD, "adding_problem.py": "import my_rnn\nraise ValueError"}
    assert_passes(load(files))


# Bytes.


@pytest.mark.parametrize(
    "source",
    {
        "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
        "latin-1 that says so": "# -*- coding: latin-1 -*-\nassert len('é') == 1\n".encode("latin-1") + GOOD.encode(),
        "utf-8 that says so": "# vim: set fileencoding=utf-8 :\nassert len('é') == 1\n".encode() + GOOD.encode(),
        "CRLF": GOOD.replace("\n", "\r\n").encode(),
        "CR alone": GOOD.replace("\n", "\r").encode(),
        "tabs": GOOD.replace("    ", "\t").encode(),
        "form feeds": b"\x0c\n" + GOOD.replace("class", "\x0c\nclass").encode(),
        "no last line end": GOOD.rstrip().encode(),
        "a comment at the end": GOOD.encode() + b"# end",
        "letters of all kinds": (GOOD + "größe = 5\nπ = 3\nMyRNN.名前 = '🦄'\n").encode(),
        "a line of a megabyte": GOOD.encode() + b"x = '" + b"a" * (1 << 20) + b"'\n",
    }.items(),
    ids=lambda item: item[0],
)
def test_source_of_every_spelling_is_read(load, source):
    assert_passes(load(source[1]))


@pytest.mark.parametrize(
    ("source", "words"),
    {
        "a typo": (
            GOOD + "\ndef f(:\n    pass\n",
            ["my_rnn.py, line 10: invalid syntax", "\n    def f(:\n          ^"],
        ),
        "a bracket left open": (
            GOOD + "x = (1,\ny = 2\n",
            ["line 9: '(' was never closed", "\n    x = (1,\n        ^"],
        ),
        "indentation": ("class A:\npass\n", ["line 2: expected an indented block", "\n    pass\n    ^"]),
        "tabs and spaces": ("if 1:\n        x = 1\n\ty = 2\n", ["line 3: inconsistent use of tabs and spaces"]),
        "Python 2": ("print 'hello'\n", ["line 1: Missing parentheses"]),
        "a notebook's magic": ("%matplotlib inline\n" + GOOD, ["line 1: invalid syntax", "%matplotlib inline"]),
        "a merge": ("<<<<<<< HEAD\n" + GOOD, ["line 1: invalid syntax"]),
        "latin-1 that does not say so": ("x = 'é'\n".encode("latin-1") + GOOD.encode(), ["my_rnn.py", "utf-8"]),
        "UTF-16": (GOOD.encode("utf-16"), ["my_rnn.py cannot be read as Python", "UTF-8"]),
        "null bytes": (GOOD.encode() + b"\0", ["my_rnn.py cannot be read as Python", "null bytes"]),
        "an unknown encoding": (b"# coding: klingon\n" + GOOD.encode(), ["my_rnn.py", "klingon"]),
        "a line of 20 MB": (GOOD.encode() + b"x = '" + b"a" * 20_000_000 + b"'", ["larger than 2 MiB"]),
        "deep parentheses": (GOOD + "x = " + "(" * 5_000 + ")" * 5_000, ["my_rnn.py", "nested"]),
        "a long chain": (GOOD + "x = 1" + " + 1" * 100_000, ["my_rnn.py cannot be read as Python: ", "recursion"]),
        "many minus signs": (GOOD + "x = " + "-" * 100_000 + "1", ["my_rnn.py cannot be read as Python: ", "nested"]),
        "a page of HTML": ("<!DOCTYPE html>\n<html>\n", ["line 1: invalid syntax", "<!DOCTYPE html>"]),
        "escape sequences": ("x = \x1b[31m\n", ["line 1"]),
    }.values(),
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_no_python_is_told_with_line_and_place(load, source, words):
    """One answer, with the line as it stands there and a caret below the place."""
    grade = load(source)
    assert (grade.status, grade.points) == ("error", 0.0)
    assert [part for part in words if part not in grade.message] == [], grade.message
    assert len(grade.message) <= 1000
    assert "None" not in grade.message
    assert "/submission" not in grade.message
    assert not set(grade.message) & set("\x1b\0")
    assert {check.status for check in grade.checks} == {"skipped"}
