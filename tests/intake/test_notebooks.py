"""Notebooks: converted in a jailed worker, each cell by itself, and every place told as a cell and its line."""

import ast
import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.course.loading import load_course
from grader.course.settings import CourseError, read_settings
from grader.intake.conversion import _Converter
from grader.intake.rejected import Rejected
from grader.intake.staging import stage, unstage
from grader.jail.handle import JailError
from grader.jail.host import Jail
from grader.jail.shared import messages
from grader.jail.shared.origins import Origin, origin_file, read_origin
from grader.records.limits import Limits

ROOT = Path(__file__).parents[2]


def code(source) -> dict:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}


def notebook(*cells, **fields) -> str:
    """A notebook of version 4: code cells, from strings, and whole cells."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": made, **fields})


@pytest.fixture
def convert(zygote, course, submission):
    """Stage these files; the submission, and the text of what was written for each, by name."""
    staged = []

    def run(files, **limits):
        path = submission({"homework.ipynb": files} if isinstance(files, str | bytes) else files)
        found = stage(path, zygote, Limits(**limits), formats=course.formats)
        staged.append(found)
        written = {file.name: file.read_text() for file in (zygote.spool / found.entry).glob("*.py")}
        return found, {
            name: text.split("\n", 2)[2] if record(zygote, found, name) else text for name, text in written.items()
        }

    yield run
    for one in staged:
        unstage(one, zygote)


def record(zygote, submission, name) -> Origin | None:
    return read_origin(str(zygote.spool / submission.entry / name))


# What becomes of a cell.


DRIVE = "from google.colab import drive\ndrive.mount('/content')"
FORM = '#@title Training { display-mode: "form" }\nlr = 0.1 #@param'
TRIED = "try:\n    import torch\nexcept ImportError:\n    "
BECOMES = [
    ("!pip install torch\nx = 1", "\nx = 1\n", None),
    ("%matplotlib inline\nimport torch", "\nimport torch\n", None),
    ("%%time\nx = 1", "x = 1\n", None),
    ("%%timeit -n 3\nx = 1", "x = 1\n", None),
    ("\n%%capture out\n%%time\n\nclass A:\n    b = 1", "class A:\n    b = 1\n", None),
    ("%%bash\nls | wc", None, "cell 1: it begins with `%%bash` and was left out"),
    ("files = !ls\nx = 1", "\nx = 1\n", "cell 1, line 1: `files = !ls` was left out"),
    ("x = 1\ny = %time f(x)", "x = 1\n\n", "cell 1, line 2: `y = %time f(x)` was left out"),
    ("import torch\ntorch.nn.RNN?\ntorch??", "import torch\n\n\n", None),
    (DRIVE, f"{DRIVE}\n", None),
    (FORM, f"{FORM}\n", None),
    ("x = 1\ny = = 2", None, "cell 1, line 2: invalid syntax; the cell was left out"),
    ("text = '''\n%%bash\n!ls\n%time x\n'''", "text = '''\n%%bash\n!ls\n%time x\n'''\n", None),
    ("for i in range(3):\n    !ls\nx = 1", "for i in range(3):\n    pass\nx = 1\n", None),
    (f"{TRIED}%pip install torch", f"{TRIED}pass\n", None),
    ("!pip install \\\n  torch\nx = 1", "\n\nx = 1\n", None),
    ("files = !ls \\\n  -la\nx = 1", "\n\nx = 1\n", "cell 1, line 1"),
    (">>> x = 1\n>>> y = 2", "x = 1\ny = 2\n", None),
    ("    x = 1\n    y = 2", "x = 1\ny = 2\n", None),
    ("x = 1\r\ny = 2\r", "x = 1\ny = 2\n\n", None),
    ("x = 5 % 3\ny = (5\n% 3)", "x = 5 % 3\ny = (5\n% 3)\n", None),
    ("# -*- coding: latin-1 -*-\nx = 'ä'", "# -*- coding: latin-1 -*-\nx = 'ä'\n", None),
    ("%%writefile data.csv\na,b", None, "cell 1: `%%writefile` does not write a .py file next to the notebook"),
    ("%%writefile ../my_rnn.py\nx = 1", None, "cell 1: `%%writefile` does not write a .py file next to the notebook"),
]


@pytest.mark.slow
@pytest.mark.parametrize("source, expected, note", BECOMES)
def test_cells_become_code(convert, source, expected, note):
    submission, files = convert(notebook(source, "last = 1"))
    assert submission.problem is None
    assert files == {"homework.py": f"{expected or ''}last = 1\n"}
    assert (submission.notes == []) == (note is None)
    assert note is None or submission.notes[0].startswith(f"`homework.ipynb`, {note}")


def test_a_cell_that_would_write_a_module_is_that_module(convert):
    submission, files = convert(
        notebook(
            "x = 1",
            "%%writefile my_rnn.py\nfirst = 1",
            "%%writefile my_rnn.py\ny = 1\n!not a magic",
            "%%file ./other.py\nz = 1",
            "%%writefile -a other.py\nz = 2",
            "%%writefile homework.py\nw = 1",
        )
    )
    assert files == {"homework.py": "x = 1\nw = 1\n", "other.py": "z = 1\nz = 2\n"}
    assert submission.notes == ["`homework.ipynb`, cell 3, line 3: invalid syntax; the cell was left out"]


def test_cells_count_as_jupyter_counts_them_when_it_runs_them_all(convert):
    text = {"cell_type": "markdown", "metadata": {}, "source": "# Homework"}
    submission, _ = convert(notebook(text, "", "x = 1", " \n", {**text, "cell_type": "raw"}, "y = = 1"))
    assert submission.notes[0].startswith("`homework.ipynb`, cell 2, line 1")


@pytest.mark.jail
def test_old_notebooks_are_read(convert):
    cell = {"cell_type": "code", "language": "python", "input": ["x = 1\n", "y = 2"], "outputs": [], "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell]}]}
    assert convert(json.dumps(old))[1] == {"homework.py": "x = 1\ny = 2\n"}


def test_saved_outputs_are_never_used(convert):
    cell = {**code("x = 1"), "outputs": [{"output_type": "stream", "name": "stdout", "text": "y = 2"}]}
    assert convert(notebook(cell))[1] == {"homework.py": "x = 1\n"}


@pytest.mark.isolation
def test_magics_are_never_executed(convert, tmp_path):
    made = tmp_path / "made"
    convert(notebook(f"!touch {made}", f"%%bash\ntouch {made}", f"%%python\nopen({str(made)!r}, 'w')", "x = 1"))
    assert not made.exists()


# Where notebooks count.


@pytest.mark.slow
def test_a_notebook_alone_holds_the_exercise(cli, submission, reference):
    folder = submission({"Übung 1.ipynb": notebook("!pip install torch", f"%%time\n{reference}", "%%bash\nls", "1/0")})
    done = cli("submit", folder / "Übung 1.ipynb", "--format", "json")
    grade = json.loads(done.stdout)
    assert (done.returncode, grade["status"], grade["points"]) == (0, "graded", 10.0)
    assert grade["exercises"][0]["notes"] == [
        "`Übung 1.ipynb`, cell 3: it begins with `%%bash` and was left out",
        "`Übung 1.ipynb, cell 4`, line 1, was left out: ZeroDivisionError: division by zero",
    ]


def test_help_and_errors_say_that_notebooks_are_accepted(cli, grade, tmp_path):
    assert "notebook (.ipynb)" in cli("submit", "--help").stdout
    (tmp_path / "ada.pdf").write_text("x")
    assert (
        grade(tmp_path / "ada.pdf").message
        == "expected a folder, a .py file, a notebook (.ipynb) or a .zip archive, found .pdf"
    )


@pytest.mark.isolation
def test_a_notebook_in_a_folder_or_a_zip(grade, submission, archive, reference):
    files = {"ada/my_rnn.ipynb": notebook(reference), "ada/.ipynb_checkpoints/my_rnn-checkpoint.ipynb": "{"}
    for path in (submission(files), archive(files)):
        found = grade(path)
        assert (found.status, found.points, found.exercises[0].notes) == ("graded", 10, [])


def test_a_python_file_of_the_same_name_wins(convert):
    submission, files = convert({"a.ipynb": notebook("x = 1"), "a.py": "x = 2\n"})
    assert files == {"a.py": "x = 2\n"}
    assert submission.notes == ["`a.ipynb` was ignored: `a.py` also exists"]


def test_a_file_that_a_cell_would_write_does_not_replace_one(convert):
    submission, files = convert({"a.ipynb": notebook("x = 1", "%%writefile b.py\nx = 3"), "b.py": "x = 2\n"})
    assert files == {"a.py": "x = 1\n", "b.py": "x = 2\n"}
    assert submission.notes == ["`b.py`, from `a.ipynb`, was ignored: the file already exists"]


def test_many_notebooks_are_not_all_looked_at(convert):
    submission, files = convert({f"{i:02d}.ipynb": notebook(f"x = {i}") for i in range(25)})
    assert len(files) == 20
    assert submission.notes == ["only the first 20 of 25 notebooks and similar files were converted"]


@pytest.mark.isolation
def test_one_zygote_converts_for_all_and_students_do_not_see_its_packages(grade, submission, reference, zygote, course):
    path = submission({"my_rnn.ipynb": notebook("import IPython", "import nbformat", reference)})
    notes = grade(path).exercises[0].notes
    assert [note.rpartition(": ")[2] for note in notes] == ["No module named 'IPython'", "No module named 'nbformat'"]
    packages = course.formats[0].packages
    assert zygote.with_packages(packages) is zygote.with_packages(packages)


def test_without_a_notebook_no_zygote_is_started(monkeypatch, grade, submission, reference):
    monkeypatch.setattr(Jail, "with_packages", lambda *_: pytest.fail("a zygote for nothing"))
    assert grade(submission({"my_rnn.py": reference})).points == 10


# Places.


@pytest.mark.jail
def test_an_exception_names_cell_and_line(grade, submission, reference):
    broken = reference.replace("def forward(self", "def helper(self):\n        1 / 0\n\n    def forward(self", 1)
    at = broken[: broken.index("def forward")].count("\n") + 1
    lines = broken.split("\n")
    while not lines[at - 1].rstrip().endswith(":"):
        at += 1
    lines.insert(at, "        self.helper()")
    raised = next(number for number, line in enumerate(lines, start=2) if "1 / 0" in line)  # under `%%time`
    found = grade(submission({"homework.ipynb": notebook("import torch", "%%time\n" + "\n".join(lines))}))
    message = found.exercises[0].checks[0].message
    assert f"homework.ipynb, cell 2, line {raised}, in helper\n    1 / 0" in message
    assert "homework.py" not in message


def test_a_broken_rule_names_cell_and_line(grade, submission):
    source = (
        "from torch import nn\n\nclass MyRNN(nn.Module):\n    def __init__(self, i, h):\n        super().__init__()\n"
        "        self.rnn = nn.RNN(i, h, batch_first=True)\n    def forward(self, x, h=None):\n"
        "        return self.rnn(x, h)"
    )
    found = grade(submission({"homework.ipynb": notebook("x = 1", "y = 2", source)})).exercises[0]
    assert found.status == "disallowed"
    assert "homework.ipynb, cell 3, line 6: `self.rnn = nn.RNN(i, h, batch_first=True)`" in found.message


@pytest.mark.slow
def test_what_was_left_out_names_cell_and_line(grade, submission, reference):
    path = submission(
        {
            "homework.ipynb": notebook("x = 1", reference, "import helpers", "\n\nreturn 3\nwhile True:\n    pass"),
            "helpers.ipynb": notebook("pass", "a = 1\nb = unknown"),
        }
    )
    found = grade(path, top_level_seconds=0.1)
    assert found.points == 10
    assert found.exercises[0].notes == [
        "`helpers.ipynb, cell 2`, line 2, was left out: NameError: name 'unknown' is not defined",
        "`homework.ipynb, cell 4`, line 3, was left out: SyntaxError: 'return' outside function "
        "(homework.ipynb, cell 4, line 3)",
        "`homework.ipynb, cell 4`, line 4, was left out: it did not finish in time",
    ]


def test_a_name_that_could_not_be_defined_or_is_missing(grade, submission):
    source = "x = 1\n\nclass MyRNN(unknown):\n    pass"
    found = grade(submission({"homework.ipynb": notebook("y = 1", source)})).exercises[0]
    assert found.message.startswith("`MyRNN` could not be defined: homework.ipynb, cell 2, line 3: NameError")
    found = grade(submission({"homework.ipynb": notebook("class My_RNN: pass")})).exercises[0]
    assert (found.status, found.message) == ("missing", "found `My_RNN` in `homework.ipynb`, expected `MyRNN`")


def test_source_can_be_inspected_as_anywhere(grade, submission, reference):
    """As `torch.jit.script` does: by the name that the code has."""
    look = "import inspect\nassert inspect.getsource(f) == 'def f():\\n    return 1\\n', inspect.getsource(f)"
    path = submission({"homework.ipynb": notebook(reference, "%%time\n\ndef f():\n    return 1\n\nx = f()", look)})
    assert grade(path).exercises[0].notes == []


# Bad notebooks.

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("{", "it is broken (line 1: Expecting property name"),
        (notebook("x = 1")[:-20], "it is broken (line 1: "),
        ("null", "it is not a notebook"),
        ("[]", "it is not a notebook"),
        ("3", "it is not a notebook"),
        ("{}", "it is not a notebook"),
        ('{"nbformat": 99, "cells": []}', "it is not a notebook"),
        ('{"nbformat": [], "cells": []}', "it is not a notebook"),
        ('{"nbformat": 4, "cells": 3}', "it is not a notebook"),
        ('{"nbformat": 3, "worksheets": 3}', "it is not a notebook"),
        (notebook(), "it contains no code"),
        (notebook({"cell_type": "markdown", "metadata": {}, "source": "x"}), "it contains no code"),
        (notebook(3, None, []), "it is not a notebook"),
        (notebook("x = = 1"), "it contains no readable code (cell 1, line 1: invalid syntax"),
        (notebook(code(5)), "it contains no readable code (cell 1: its source is not text"),
        (notebook(code({"a": 1})), "it contains no readable code (cell 1: its source is not text"),
        (notebook(code([1, 2])), "it is not a notebook"),
        (notebook("x = 1").encode("utf-16"), "it is not text in UTF-8"),
        (b"\x89PNG\r\n", "it is not text in UTF-8"),
        (DEEP, "it is nested too deeply"),
        (f'{{"nbformat": 4, "nbformat_minor": 4, "metadata": {DEEP}, "cells": []}}', "it is nested too deeply"),
        (notebook(*["x = 1"] * 10_000), "it has 10000 cells with code, at most 5000 are accepted"),
        (notebook("x = '" + "a" * 3_000_000 + "'"), "there are more than 2 MiB of code in it"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bad_notebooks_are_invalid_in_one_line(grade, submission, content, message):
    folder = submission({"ada.ipynb": content})
    found = grade(folder / "ada.ipynb")
    assert (found.status, found.points, found.exercises) == ("invalid", 0, [])
    assert found.message.startswith(f"`ada.ipynb` cannot be graded: {message}"), found.message
    assert "\n" not in found.message


def test_a_bad_notebook_in_a_folder(grade, submission, reference):
    """It is told of; alone, it makes the submission invalid, beside a module it does not."""
    found = grade(submission({"ada.ipynb": "{", "notes.txt": "x"}))
    assert (found.status, found.message[:40]) == ("invalid", "`ada.ipynb` cannot be graded: it is brok")
    found = grade(submission({"my_rnn.py": reference}))
    assert (found.points, found.exercises[0].notes[0][:40]) == (10, "`ada.ipynb` was left out: it is broken (")


HOSTILE = [
    *["(" * 5000, "x = " + "-" * 200_000 + "1", "x = '\ud800'", "x = 1\0", "if x:\n\ty\n        z", "\x0c\u2028%x"],
    *[
        "?" * 500,
        "@decorator",
        "else:\n    pass",
        "'''",
        "x = (1,",
        "f'{'",
        "\\",
        "%%",
        "%%!\nls",
        "x = !",
    ],
]


@pytest.mark.parametrize(
    "source", [*HOSTILE, pytest.param("!ls\n" * 600, marks=pytest.mark.slow)], ids=lambda value: repr(value)[:20]
)
def test_a_hostile_cell_is_left_out_alone(convert, source):
    submission, files = convert(notebook("first = 1", source, "last = 1"))
    assert submission.problem is None
    assert files["homework.py"].startswith("first = 1\n")
    assert files["homework.py"].endswith("last = 1\n")
    ast.parse(files["homework.py"])


def test_large_outputs_and_hostile_metadata_are_no_obstacle(convert):
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 20_000_000}}
    metadata = {"kernelspec": {"name": "../../etc"}, "language_info": 3, "x" * 1000: [None] * 1000}
    submission, files = convert(notebook({**code("x = 1"), "outputs": [picture]}, metadata=metadata))
    assert (submission.notes, files) == ([], {"homework.py": "x = 1\n"})


@pytest.mark.slow
def test_a_notebook_that_takes_too_much_memory_or_time(grade, submission, monkeypatch):
    folder = submission({"ada.ipynb": notebook({**code("x"), "outputs": [[0] * 5_000_000]})})
    found = grade(folder, memory_mib=96)
    assert found.status == "invalid"
    assert "96 MiB" in found.message
    monkeypatch.setattr("grader.intake.conversion._SECONDS", 0.01)
    found = grade(folder)
    assert (found.status, found.message) == (
        "invalid",
        "`ada.ipynb` cannot be graded: conversion failed: the time was spent",
    )


PIECES = ["x = 1", "!ls", "%time", "", "  ", "y = !ls", "x?", "%%time", "'''", "if x:", "    !a", "\\", "else:"]
CELLS = st.lists(
    st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=6).map("\n".join),
    max_size=6,
)
FIELDS = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MUTATED = st.tuples(
    CELLS, st.sampled_from(["cells", "nbformat", "metadata", "source", ""]), FIELDS, st.integers(0, 400)
)


def mutated(cells, field, value, cut) -> bytes:
    made = json.loads(notebook(*cells))
    if field == "source" and made["cells"]:
        made["cells"][0]["source"] = value
    elif field:
        made[field] = value
    data = json.dumps(made).encode("utf-8", "surrogatepass")
    return data if cut > 100 else data[: -cut or None]


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.lists(MUTATED, min_size=20, max_size=20))
def test_whatever_is_handed_in_ends_in_python_or_a_note(zygote, course, tmp_path_factory, many):
    folder = tmp_path_factory.mktemp("ada")
    for number, one in enumerate(many):
        (folder / f"n{number}.ipynb").write_bytes(mutated(*one))
    submission = stage(folder, zygote, Limits(), formats=course.formats)
    try:
        for file in (zygote.spool / submission.entry).glob("*.py"):
            tree = ast.parse(file.read_bytes())
            origin = read_origin(str(file))
            for statement in tree.body:
                assert origin.place(statement.lineno)[0].startswith(f"{file.stem}.ipynb, cell ")
                assert "get_ipython" not in ast.unparse(statement)
    finally:
        unstage(submission, zygote)


LINES = st.sampled_from(
    ["x = 1", "!ls", "%time x", "", "y = !ls -l", "x?", "!ls \\", "def f():\n    return 1", "z = (\n1)"]
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(LINES, max_size=8).map("\n".join), min_size=1, max_size=30))
def test_lines_stay_where_they_were(zygote, course, tmp_path_factory, cells):
    """What is Python in a cell is told with the line that it has there."""
    folder = tmp_path_factory.mktemp("ada")
    (folder / "a.ipynb").write_text(notebook("start = 1", *cells))
    submission = stage(folder, zygote, Limits(), formats=course.formats)
    try:
        file = zygote.spool / submission.entry / "a.py"
        origin = read_origin(str(file))
        numbered = {f"a.ipynb, cell {n}": cell.split("\n") for n, cell in enumerate(filled(cells), start=1)}
        for number, line in enumerate(file.read_text().split("\n"), start=1):
            if number > 2 and line.strip():
                place, there = origin.place(number)
                assert numbered[place][there - 1] == line
    finally:
        unstage(submission, zygote)


def filled(cells):
    return [cell for cell in ["start = 1", *cells] if cell.strip()]


# What a converter claims, and formats that will not do.


@pytest.mark.parametrize(
    "name", ["../x.py", "/x.py", ".x.py", "a/b.py", "x.txt", "", ".py", "a\\b.py", "a\0.py", "x.py\n"]
)
def test_a_converter_cannot_write_elsewhere(zygote, course, submission, name):
    folder = zygote.new_entry()
    (folder / "a.ipynb").write_text(notebook("x = 1"))
    converter = _Converter(course.formats[0], folder, zygote, Limits())
    with pytest.raises(Rejected, match=r"was left out$"):
        converter._write(folder / "a.ipynb", messages.ConvertedFile(name, 1, []), b"x")
    assert [path.name for path in folder.iterdir()] == ["a.ipynb"]


def test_a_record_of_a_students_own_is_not_taken(convert, zygote, archive, course):
    """They would tell places of their own making."""
    forged = msgspec.json.encode(Origin("other.ipynb", [(1, "cell 1", 1)]))
    submission, _ = convert({"a.py": "x = 1\n", Path(origin_file("a.py")).name: forged})
    assert record(zygote, submission, "a.py") is None
    packed = stage(archive({"a.py": "x = 1\n", origin_file("a.py"): forged}), zygote, Limits(), formats=course.formats)
    assert record(zygote, packed, "a.py") is None
    unstage(packed, zygote)


def test_packages_that_are_not_installed_are_the_graders_fault(zygote):
    with pytest.raises(JailError, match="no-such-thing is not installed"):
        zygote.with_packages(["no-such-thing"])


@pytest.mark.parametrize(
    "claims, message",
    [
        ("'.py'", "a format claims .py, which is already taken"),
        ("'.x', '.x'", "a format claims .x, which is already taken"),
        ("'.IPYNB'", "expected a lower-case suffix"),
        ("'ipynb'", "expected a lower-case suffix"),
    ],
)
def test_formats_that_will_not_do_are_refused_before_grading(tmp_path, claims, message):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "odd.py").write_text(
        "from grader.plugin import Format, hookimpl\n@hookimpl\ndef grader_formats():\n"
        f"    return [Format('odd', ({claims},), (), __file__)]\n"
    )
    with pytest.raises(CourseError, match=message):
        load_course(read_settings(tmp_path), entry_points=False)


def test_readme_example_runs(tmp_path, zygote, submission):
    """The format that the README of plugins shows, copied into a course as it stands."""
    text = (ROOT / "plugins" / "README.md").read_text().split("## `grader_formats()`")[1]
    plugin, converter = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[:2]
    folder = tmp_path / "course" / "plugins" / "literate"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(plugin)
    (folder / "converter.py").write_text(converter)
    course = load_course(read_settings(tmp_path / "course"), entry_points=False)
    files = {"a.lpy": "An answer.\n> def f():\n>     return 1 / 0\n\nThe end.", "b.lpy": "Nothing."}
    staged = stage(submission(files), zygote, Limits(), formats=course.formats)
    assert (zygote.spool / staged.entry / "a.py").read_text() == "\ndef f():\n    return 1 / 0\n\n"
    assert staged.notes == ["`b.lpy` was left out: no line begins with `>`"]
    assert record(zygote, staged, "a.py").place(3) == ("a.lpy", 3)
    unstage(staged, zygote)
