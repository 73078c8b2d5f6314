"""Error rates are measured, kept and stated: exact limits, files that notice a change, work that can be stopped."""

import itertools
import math
import random
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from grader import LearningTask
from grader.course import calibration
from grader.course.calibration import (
    Calibration,
    CalibrationFile,
    Row,
    Table,
    load,
    policy_share,
    reference_band,
    save,
    statement,
    upper_limit,
)
from grader.course.fingerprint import ENGINE, hash_of_engine, hash_of_solution, hash_of_training
from grader.course.loading import load_course
from grader.course.settings import CourseError, read_settings
from grader.grading.session import Session
from grader.jail.isolation import Isolation
from grader.verify.calibrate import calibrate, measure
from grader.verify.verify import verify_check

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

EXERCISE = '''
"""Add the first and the last of eight numbers."""
import torch
from grader import Exercise, LearningTask, learn

exercise = Exercise("adding", title="Adding", statement=__doc__, names=("Model",), options={"names": ""})
HINT = "Look at all of them."
NUMBERS = 8

def draw(count, generator):
    x = torch.rand(count, NUMBERS, 1, generator=generator)
    return (x,), sums(x)

def sums(x):
    """The right answers."""
    return x[:, 0] + x[:, -1]

def error(predictions, targets):
    return float(((predictions - targets) ** 2).mean())

task = LearningTask("Model", (4,), draw, error, "mean squared error", best=0.01, half=0.03, zero=0.06, worst=0.167,
                    stop=0.005, steps=200, lr=0.05, batch_size=32, every=20, held_out=500, seconds=30.0)

@exercise.check(points=1)
def builds(student):
    """It can be built."""
    student.build("Model", 4)

@exercise.check(points=4, needs=builds, task=task)
def learns(student):
    """It learns to add."""
    return learn(student, task).judge(HINT)
'''
REFERENCE = """\
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.layer = nn.Linear(8, 1)

    def forward(self, x):
        return self.layer(x.flatten(1))
"""
LAST_ONLY = '"""adding.learns: only the last is used.\n\nHint: whole input\n"""\n' + REFERENCE.replace(
    "x.flatten(1)", "x.flatten(1) * (torch.arange(8) == 7)"
)
FORMULA = '"""adding.learns: a formula.\n\nHint: learned\n"""\n' + REFERENCE.replace(
    "self.layer(x.flatten(1))", "x[:, 0] + x[:, -1] + 0.01 * self.layer(x.flatten(1))"
)
BAD_RECIPE = '"""adding.learns: an impossible recipe.\n\nHint: recipe\n"""\n' + REFERENCE.replace(
    "(nn.Module):\n", "(nn.Module):\n    recipe = {'lr': -1}\n"
)
NO_MODULE = '"""adding.learns: no module.\n\nHint: Module\n"""\n' + "class Model:\n    def __init__(self, size): pass\n"
RAISES = '"""adding.learns: it raises.\n\nHint: raise\n"""\n' + REFERENCE.replace("return self", "raise ValueError\n#")
NO_BUILD = '"""adding.builds: it cannot be built.\n\nHint: size\n"""\nclass Model:\n    pass\n'

COURSE = {
    "exercises/adding/__init__.py": EXERCISE,
    "solutions/reference/adding.py": REFERENCE,
    "solutions/reference-again/adding.py": REFERENCE + "\nagain = True\n",
    "solutions/adding/last-only/adding.py": LAST_ONLY,
    "solutions/adding/unbuildable/adding.py": NO_BUILD,
    "solutions/other/other.py": "x = 1\n",
}
MEASURED = ["last-only", "reference", "reference-again"]
TASK = LearningTask("Model", (), print, print, "error", 0.01, 0.03, 0.06, 0.167, 0.005, 200, 0.05, 32)


@pytest.fixture
def small(submission):
    """Write the small course with some files changed; its folder."""
    return lambda changes=None: submission({**COURSE, **(changes or {})}, name="course")


def loaded(folder):
    """The course and its exercise, as the files are now."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{folder.resolve()}/"):
            del sys.modules[name]
    course = load_course(read_settings(folder), entry_points=False)
    return course, course.exercises[0]


def learning(folder):
    """The exercise and its learning check, as the files are now."""
    _, exercise = loaded(folder)
    return exercise, next(check for check in exercise.checks if check.task is not None)


def digest(folder):
    return hash_of_training(folder, *learning(folder))


def fresh(folder):
    """The solutions with fresh rows."""
    found = load(folder, *learning(folder))
    return [] if found is None else sorted({row.solution for row in found.rows})


def kept(folder, exercise="adding"):
    """The file as it is, stale or not."""
    return calibration.read(folder, exercise, "learns")


def rows_of(folder):
    return [row for table in kept(folder).solutions.values() for row in table.rows]


def row(solution="reference", seed=1000, score=0.004, curve=((20, 0.1), (40, 0.01)), number=0, steps=40):
    return Row(solution, seed, number, score, steps, [tuple(point) for point in curve])


def made(rows):
    """What is loaded of these rows."""
    return Calibration("adding", "learns", "cpu", rows, lambda: TASK)


def store(folder, rows, training=None):
    """Keep these rows as if they were measured now; what was kept."""
    training, sources = training or digest(folder), calibration.sources(folder, "adding")
    by_solution = {}
    for one in rows:
        by_solution.setdefault(one.solution, []).append(one)
    tables = {
        name: Table(training, hash_of_solution(sources[name]), {"torch": "2"}, found)
        for name, found in by_solution.items()
    }
    file = CalibrationFile("adding", "learns", "cpu", tables)
    save(folder, file)
    return file


# Error rates.


@pytest.mark.parametrize(
    ("errors", "runs", "limit"),
    [
        (0, 1, 0.95),
        (0, 20, 1 - 0.05 ** (1 / 20)),
        (0, 100, 1 - 0.05**0.01),
        (1, 2, 0.95**0.5),
        (1, 20, 0.2161),
        (2, 20, 0.2826),
        (5, 10, 0.7776),
        (1, 100, 0.0466),
        (9, 10, 0.95**0.1),
        (10, 10, 1.0),
        (0, 0, 1.0),
    ],
)
def test_upper_limits_are_those_of_clopper_and_pearson(errors, runs, limit):
    """From closed forms and from tables."""
    assert upper_limit(errors, runs) == pytest.approx(limit, abs=6e-5)


@pytest.mark.parametrize(("errors", "runs", "confidence"), [(0, 7, 0.9), (3, 30, 0.95), (17, 40, 0.99), (39, 40, 0.8)])
def test_at_the_upper_limit_so_few_errors_are_as_rare_as_was_asked(errors, runs, confidence):
    p = upper_limit(errors, runs, confidence)
    chance = sum(math.comb(runs, k) * p**k * (1 - p) ** (runs - k) for k in range(errors + 1))
    assert chance == pytest.approx(1 - confidence, rel=1e-6)
    assert p > errors / runs


def test_the_statement_names_errors_runs_and_limits():
    """A run is what the policy made of its trainings: one that two more trainings saved is none that fell short."""
    rows = [row(seed=seed) for seed in range(1000, 1018)]
    rows += [row(seed=1018, number=number, score=score) for number, score in enumerate((0.05, 0.004, 0.003))]
    rows += [row(seed=1019, number=number, score=score) for number, score in enumerate((0.05, 0.04, 0.003))]
    rows += [row("reference-gru", seed=seed) for seed in range(1000, 1020)]
    rows += [row("no-mask", seed=seed, score=None) for seed in range(1000, 1020)]
    rows += [row("refused", seed=seed, score=None, steps=0) for seed in range(1000, 1020)]
    text = statement(made(rows))
    assert text.startswith("`adding.learns`: by score alone, ")
    assert "fell short of full marks in 1 of 40 runs (95 % upper limit 11.3%)" in text
    assert text.endswith("earned full marks in 0 of 20 (upper limit 13.9%).")


def test_a_mistake_with_a_good_score_is_counted_and_the_statement_says_what_was_not():
    text = statement(made([row(), *(row("half", seed=seed) for seed in range(5)), row("low", score=0.2)]))
    assert "earned full marks in 5 of 6 (" in text
    assert text.endswith("not counting what the check requires of a trained model beyond its score.")


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.004], 1.0),
        ([0.004, 0.5, 0.5], 1.0),
        ([0.05], None),
        ([0.05, 0.004], None),
        ([0.05, 0.004, 0.004], 1.0),
        ([0.06, 0.004, 0.03], 0.5),
        ([0.03, 0.5, 0.5], 0.0),
        ([math.inf, 0.004, 0.004], 1.0),
        (["refused"], 0.0),
        ([0.05, "refused", 0.004], 0.0),
        ([0.05, 0.004, 0.004, 0.5, 0.5], 1.0),
    ],
)
def test_what_the_policy_makes_of_the_trainings_of_a_seed(scores, expected):
    """Full marks in the first end it, a refused one too; else the median of three, whatever their order."""
    rows = [
        row(
            number=number, score=None if score in ("refused", math.inf) else score, steps=0 if score == "refused" else 9
        )
        for number, score in enumerate(scores)
    ]
    assert policy_share(rows[::-1], made([]).share) == expected


def test_a_run_that_lacks_trainings_counts_as_short():
    """As after its anchors were moved: the upper limit stays one."""
    assert made([row(score=0.05)]).runs() == [0.0]
    assert made([row(number=1)]).runs() == [0.0]


def test_anchors_are_applied_when_rows_are_read():
    rows = made([row(score=0.02)])
    assert [rows.share(row) for row in rows.rows] == [0.75]
    assert replace(rows, task=lambda: replace(TASK, best=0.02)).runs() == [1.0]


@pytest.mark.parametrize("rows", [[], [row()], [row("no-mask", score=None)]])
def test_what_was_not_measured_is_not_stated(rows):
    text = statement(made(rows))
    assert "has not been measured" in text
    assert "%" not in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reference", True),
        ("reference-gru", True),
        ("references", False),
        ("no-reference", False),
        ("Reference", False),
    ],
)
def test_a_reference_is_known_by_its_name(name, expected):
    assert calibration.is_reference(name) is expected
    assert bool(made([row(name)]).of(references=True)) is expected


def test_the_band_is_between_the_references_and_a_stopped_one_stays():
    """Mistakes are not in it."""
    rows = [
        row(curve=[(20, 0.1), (40, 0.05), (60, 0.004)]),
        row(seed=1001, curve=[(20, 0.2), (40, 0.003)]),
        row("no-mask", curve=[(20, 9.0)]),
        row(seed=1002, curve=[]),
    ]
    band = reference_band(made(rows))
    assert (band.x, band.low, band.high) == ([20, 40, 60], [0.1, 0.003, 0.003], [0.2, 0.05, 0.004])
    assert reference_band(made(rows[2:])) is None


# What makes a row stale.

CLOSURE = """
def at(numbers):
    def inner(count, generator):
        x = torch.rand(count, numbers, 1, generator=generator)
        return (x,), sums(x)
    return inner

draw = at(NUMBERS)
"""
PARTIAL = """
import functools

def of(numbers, count, generator):
    x = torch.rand(count, numbers, 1, generator=generator)
    return (x,), sums(x)

draw = functools.partial(of, NUMBERS)
"""
METHOD = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Lessons:
    numbers: int

    def drawn(self, count, generator):
        x = torch.rand(count, self.numbers, 1, generator=generator)
        return (x,), sums(x)

draw = Lessons(NUMBERS).drawn
"""
LAMBDAS = """
other, draw = lambda c, g: None, lambda count, generator: of(count, NUMBERS, generator)

def of(count, numbers, generator):
    x = torch.rand(count, numbers, 1, generator=generator)
    return (x,), sums(x)
"""
OBJECT = """
class Lessons:
    def __init__(self, numbers):
        self.x = torch.ones(500, numbers, 1)

    def __call__(self, count, generator):
        x = self.x[torch.randint(500, (count,), generator=generator)]
        return (x,), sums(x)

draw = Lessons(NUMBERS)
"""


def changed(source, *pairs):
    for old, new in pairs:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def with_draw(source):
    """The exercise, its data drawn by this instead."""
    start, end = EXERCISE.index("def draw"), EXERCISE.index("def sums")
    text = EXERCISE[:start] + EXERCISE[end:]
    return changed(text, ("\ntask = ", f"\n{source}\ntask = "))


MAKER = changed(
    EXERCISE,
    ("\ntask = LearningTask(", "\ndef make(generator):\n    return LearningTask("),
    ("task=task)", "task=make)"),
    ("learn(student, task)", "learn(student, student.task(make))"),
)
MAKES = {
    "a function": EXERCISE,
    "a closure": with_draw(CLOSURE),
    "a partial": with_draw(PARTIAL),
    "a bound method": with_draw(METHOD),
    "lambdas in a line": with_draw(LAMBDAS),
    "an object": with_draw(OBJECT),
    "a task made anew": MAKER,
}
WORDS = {
    "statement": ("Add the first and the last", "Add two"),
    "title": ('title="Adding"', 'title="Sums"'),
    "points": ("points=4", "points=6"),
    "needs": ("needs=builds, ", ""),
    "a hint": ("Look at all of them", "Look at each"),
    "promise": ("It learns to add", "It adds"),
    "docstring": ("The right answers", "Sums"),
    "comment": ("def sums(x):", "# right\n\ndef sums(x):"),
    "annotation": ("def sums(x):", "def sums(x: torch.Tensor) -> torch.Tensor:"),
    "metric": ("mean squared error", "error"),
    "an anchor": ("best=0.01", "best=0.02"),
    "another": ("zero=0.06", "zero=0.05"),
    "time": ("seconds=30.0", "seconds=60.0"),
    "another check": ('student.build("Model", 4)', 'student.build("Model", 5)'),
    "what is unused": ("HINT =", "MORE = 1\nHINT ="),
}
MEASURES = {
    "budget": ("steps=200", "steps=100"),
    "when it stops": ("stop=0.005", "stop=0.004"),
    "a constant of the data": ("NUMBERS = 8", "NUMBERS = 9"),
    "a helper of the data": ("x[:, 0] + x[:, -1]", "x[:, 0] + x[:, 1]"),
    "the score": ("(predictions - targets) ** 2", "(predictions - targets) ** 4"),
    "how often it is looked at": ("every=20", "every=10"),
    "the model": ("(4,)", "(5,)"),
    "the recipe": ("lr=0.05", "lr=0.06"),
    "the held-out set": ("held_out=500", "held_out=400"),
}


@pytest.mark.parametrize("make", MAKES)
def test_only_what_a_training_computes_makes_it_stale(small, make):
    """However the task is made and its data are drawn: all changes for two ways, some for the others."""
    source, changes = MAKES[make], {**WORDS, **MEASURES}
    if make not in ("a function", "a task made anew"):
        changes = {
            name: changes[name] for name in ("a hint", "an anchor", "budget", "a constant of the data", "the score")
        }
    folder = small({"exercises/adding/__init__.py": source})
    before = digest(folder)
    assert re.fullmatch(r"[0-9a-f]{16}", before)
    for name, change in changes.items():
        (folder / "exercises" / "adding" / "__init__.py").write_text(changed(source, change))
        assert (digest(folder) == before) == (name in WORDS), name


def test_the_code_of_what_draws_counts_too(small):
    for make in ("a closure", "a partial", "a bound method", "lambdas in a line", "a function", "a task made anew"):
        folder = small({"exercises/adding/__init__.py": MAKES[make]})
        before = digest(folder)
        (folder / "exercises" / "adding" / "__init__.py").write_text(
            changed(MAKES[make], ("torch.rand(", "torch.randn("))
        )
        assert digest(folder) != before, make


def test_what_cannot_be_followed_counts_by_its_whole_file(small):
    """Here a generator, whose numbers nobody can tell: then even a new constant is a change."""
    source = changed(EXERCISE, ("NUMBERS = 8", "NUMBERS = 8\nODD = iter([1])"), ("(x,), sums(x)", "(x,), sums(x), ODD"))
    folder = small({"exercises/adding/__init__.py": source})
    before = digest(folder)
    (folder / "exercises" / "adding" / "__init__.py").write_text(source + "\nNEW = 1\n")
    assert digest(folder) != before


COMPANION = "import torch\n\ndef make(count, generator):\n    return torch.rand(count, 8, 1, generator=generator)\n"
HIDDEN = {
    "imported where it is used": """
def draw(count, generator):
    from .made import make
    x = make(count, generator)
    return (x,), sums(x)
""",
    "its module imported where it is used": """
def draw(count, generator):
    from . import made
    x = made.make(count, generator)
    return (x,), sums(x)
""",
    "a network's own class": """
class Teacher(torch.nn.Module):
    def forward(self, x):
        return torch.tanh(x)

TEACHER = Teacher()

def draw(count, generator):
    x = TEACHER(torch.randn(count, NUMBERS, 1, generator=generator))
    return (x,), sums(x)
""",
    "a network's layers": """
TEACHER = torch.nn.Sequential(torch.nn.Tanh())

def draw(count, generator):
    x = TEACHER(torch.randn(count, NUMBERS, 1, generator=generator))
    return (x,), sums(x)
""",
    "what a built-in method belongs to": """
LOOK = {"scale": 0.5}.get

def draw(count, generator):
    x = LOOK("scale") * torch.rand(count, NUMBERS, 1, generator=generator)
    return (x,), sums(x)
""",
}
"""Ways of drawing data of which the interesting part is not read in the function's own lines."""


@pytest.mark.parametrize(
    ("make", "file", "change"),
    [
        ("imported where it is used", "made", ("torch.rand(", "torch.randn(")),
        ("its module imported where it is used", "made", ("torch.rand(", "torch.randn(")),
        ("a network's own class", "__init__", ("torch.tanh(x)", "torch.relu(x)")),
        ("a network's layers", "__init__", ("torch.nn.Tanh()", "torch.nn.ReLU()")),
        ("what a built-in method belongs to", "__init__", ('"scale": 0.5', '"scale": 0.6')),
    ],
)
def test_data_that_is_made_out_of_sight_counts(small, make, file, change):
    folder = small({"exercises/adding/__init__.py": with_draw(HIDDEN[make]), "exercises/adding/made.py": COMPANION})
    before = digest(folder)
    assert digest(folder) == before
    path = folder / "exercises" / "adding" / f"{file}.py"
    path.write_text(changed(path.read_text(), change))
    assert digest(folder) != before


def test_where_code_lies_does_not_count(small, tmp_path):
    """In a companion, in another course: the same hash."""
    folder = small()
    before = digest(folder)
    home = folder / "exercises" / "adding"
    start, end = EXERCISE.index("NUMBERS"), EXERCISE.index("def error")
    imports = EXERCISE[:start].replace("import torch", "import torch\nfrom .data import draw")
    (home / "__init__.py").write_text(imports + EXERCISE[end:])
    (home / "data.py").write_text("import torch\n" + EXERCISE[start:end])
    assert digest(folder) == before
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert digest(tmp_path / "elsewhere") == before
    (home / "data.py").write_text("import torch\n" + EXERCISE[start:end].replace("NUMBERS = 8", "NUMBERS = 9"))
    assert digest(folder) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("jail/inside/training.py", "0.1 **", "0.2 **"),
        ("learning/policy.py", "task.beats(score, task.stop)", "task.beats(score, task.best)"),
        ("authoring/recipe.py", "clip_norm: float | None = 1.0", "clip_norm: float | None = 2.0"),
        ("authoring/task.py", "probe: int = 256", "probe: int = 128"),
        ("learning/policy.py", "    if show:\n", "    if show and task.unusual:\n"),
        ("learning/policy.py", "TRAINED_FOR = 0.75", "TRAINED_FOR = 0.8"),
        ("authoring/task.py", "seconds: float = 120.0", "seconds: float = 60.0"),
        ("jail/inside/training.py", '"""A model under training', '"""A trained model'),
    ],
)
def test_the_loop_and_what_decides_a_training_count(tmp_path, name, old, new):
    """And nothing else of the engine: the last four change no training."""
    for file in ENGINE:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "grader" / file, tmp_path / file)
    text = (tmp_path / name).read_text()
    assert text.count(old) == 1
    (tmp_path / name).write_text(text.replace(old, new))
    is_free = any(word in old for word in ("show", "TRAINED_FOR", "seconds", '"""'))
    assert (hash_of_engine(tmp_path) == hash_of_engine()) == is_free


def test_another_loop_makes_every_row_stale(small, monkeypatch):
    folder = small()
    before = digest(folder)
    monkeypatch.setattr("grader.course.fingerprint.hash_of_engine", lambda: b"another loop")
    assert digest(folder) != before


def test_what_a_course_sets_for_an_exercise_makes_its_calibration_stale(small):
    """Other data, other error rates; so does what the exercise says of its data."""
    folder = small({"pyproject.toml": ""})
    before = digest(folder)
    (folder / "pyproject.toml").write_text("[tool.grade.exercises.adding]\nnames = 'x'\n")
    assert digest(folder) != before
    (folder / "pyproject.toml").write_text("[tool.grade.limits]\nseconds = 50.0\n")
    assert digest(folder) == before
    source = EXERCISE.replace('options={"names": ""}', 'options={"names": ""}, data=lambda: "a list, sha256 1"')
    (folder / "exercises" / "adding" / "__init__.py").write_text(source)
    of_data = digest(folder)
    (folder / "exercises" / "adding" / "__init__.py").write_text(source.replace("sha256 1", "sha256 2"))
    assert len({before, of_data, digest(folder)}) == 3


def test_a_solutions_hash_is_that_of_what_it_imports(tmp_path):
    """Not of other words, nor of other exercises' files."""
    file, cells, other = (tmp_path / name for name in ("adding.py", "cells.py", "other.py"))
    file.write_text('"""adding.learns: so."""\nfrom cells import Cell\n')
    cells.write_text("class Cell: size = 1\n")
    other.write_text("x = 1\n")
    before = hash_of_solution(file)
    file.write_text('"""adding.learns: in other words.\n\nHint: no\n"""\n# why\nfrom cells import Cell\n')
    other.write_text("x = 2\n")
    assert hash_of_solution(file) == before
    cells.write_text("class Cell: size = 2\n")
    of_cells = hash_of_solution(file)
    (tmp_path / "weights.npy").write_bytes(b"1")
    of_weights = hash_of_solution(file)
    file.write_text("def broken(:\n")
    assert len({before, of_cells, of_weights, hash_of_solution(file)}) == 4


# The file.


def test_what_is_saved_is_loaded_until_what_is_trained_changes(small):
    """A line per row, so that a change can be read; a stale file is refused."""
    folder = small()
    assert load(folder, *learning(folder)) is None
    rows = [row(), row("last-only", score=None, curve=[])]
    store(folder, rows)
    found = load(folder, *learning(folder))
    assert (found.exercise, found.check, found.device, found.rows) == ("adding", "learns", "cpu", rows)
    file = calibration.file_of(folder, "adding", "learns")
    assert file == folder / "exercises" / "adding" / "calibration" / "learns.cpu.json"
    assert [line.startswith('{"solution"') for line in file.read_text().splitlines()] == [False, True, True]
    source = folder / "exercises" / "adding" / "__init__.py"
    source.write_text(EXERCISE.replace("steps=200", "steps=100"))
    assert load(folder, *learning(folder)) is None
    source.write_text(EXERCISE.replace("Look at all", "Look at each"))
    assert load(folder, *learning(folder)).rows == rows


def test_each_solution_ages_alone(small):
    """A new mistake ages nothing, a changed one its own rows; one that is gone is not spoken of."""
    folder = small()
    store(folder, [row(name) for name in MEASURED])
    assert fresh(folder) == MEASURED
    (folder / "solutions" / "adding" / "new").mkdir()
    (folder / "solutions" / "adding" / "new" / "adding.py").write_text(LAST_ONLY)
    assert fresh(folder) == MEASURED
    (folder / "solutions" / "adding" / "last-only" / "adding.py").write_text(LAST_ONLY.replace("== 7", "== 6"))
    assert fresh(folder) == ["reference", "reference-again"]
    assert load(folder, *learning(folder)).stale == ("last-only",)
    (folder / "solutions" / "reference-again" / "adding.py").unlink()
    assert fresh(folder) == ["reference"]
    assert load(folder, *learning(folder)).stale == ("last-only",)


def test_where_there_are_no_solutions_none_has_changed(small):
    """As in what students are given."""
    folder = small()
    store(folder, [row(name) for name in MEASURED])
    shutil.rmtree(folder / "solutions")
    assert fresh(folder) == MEASURED


@pytest.mark.parametrize(
    "text", ["", "{}", '{"exercise":"adding","check":"learns","hash":"0","device":"cpu","rows":[]}']
)
def test_a_file_of_another_shape_is_as_good_as_none(small, text):
    folder = small()
    file = calibration.file_of(folder, "adding", "learns")
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert load(folder, *learning(folder)) is None


@pytest.fixture
def unreadable(small):
    """The small course with a text in the place of its calibration, and the file."""

    def write(text):
        folder = small()
        file = calibration.file_of(folder, "adding", "learns")
        file.parent.mkdir(parents=True)
        file.write_text(text)
        return folder, file

    return write


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", '{"exercise":"adding","check":"learns","hash":"0"}', ""])
def test_measuring_never_writes_over_a_file_that_it_cannot_read(unreadable, zygote, text):
    """Two people measured, and the merge left its marks in the file."""
    folder, file = unreadable(text)
    session, exercise = opened(folder, zygote)
    with pytest.raises(CourseError) as refused:
        list(calibrate(session, exercise, 1))
    assert str(refused.value).startswith("exercises/adding/calibration/learns.cpu.json: it cannot be read (")
    assert str(refused.value).endswith("); fix it, or delete it and measure again")
    assert file.read_text() == text
    said = [found.warning or found.problem for found in verify_check(session.course, exercise, "learns", True, "cpu")]
    assert [text for text in said if text and "learns.cpu.json: it cannot be read" in text]


@pytest.mark.slow
def test_the_command_says_which_file_it_cannot_read(unreadable, invoke):
    folder, file = unreadable("<<<<<<< HEAD\n")
    result = invoke("verify", "adding", "--course", folder, "--calibrate", "1")
    assert result.returncode == 3
    assert result.stderr.startswith("grade: exercises/adding/calibration/learns.cpu.json: it cannot be read (")
    assert result.stderr.endswith("); fix it, or delete it and measure again\n")
    assert file.read_text() == "<<<<<<< HEAD\n"
    assert "learns.cpu.json: it cannot be read" in invoke("verify", "adding", "--course", folder).stdout


def test_a_copied_exercise_has_rows_of_its_own(small):
    """Its file says another's name; its place says whose it is."""
    folder = small()
    store(folder, [row()])
    first = calibration.file_of(folder, "adding", "learns")
    before = first.read_bytes()
    shutil.copytree(folder / "exercises" / "adding", folder / "exercises" / "copied")
    copied = calibration.read(folder, "copied", "learns")
    assert copied.exercise == "copied"
    copied.solutions.clear()
    calibration.save(folder, copied)
    assert first.read_bytes() == before


def test_a_stop_in_the_middle_of_saving_loses_nothing(small, monkeypatch):
    """The file is the old one or the new one, at each moment."""
    folder = small()
    store(folder, [row()])

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            store(folder, [row(), row(seed=1001)])
    assert rows_of(folder) == [row()]
    assert len(list(calibration.file_of(folder, "adding", "learns").parent.iterdir())) == 1
    inode = calibration.file_of(folder, "adding", "learns").stat().st_ino
    store(folder, [row(), row(seed=1001)])
    assert len(rows_of(folder)) == 2
    assert calibration.file_of(folder, "adding", "learns").stat().st_ino != inode


# Measuring.


def opened(folder, zygote):
    """A session in the warm jail of these tests, and the exercise."""
    course, exercise = loaded(folder)
    return Session(course, course.exercises, zygote, Isolation("basic", {})), exercise


def rerun(session, exercise, check, row):
    """Measure a row again."""
    file = calibration.sources(session.course.settings.folder, exercise.id)[row.solution]
    return measure(session, exercise, check, file, row.seed, row.number)


def summary(rows):
    return [(r.solution, r.seed) for r in rows]


@pytest.mark.slow
def test_references_and_the_mistakes_of_the_check_are_measured(small, zygote):
    """Each with the same seeds; what a mistake of another check does is not asked."""
    folder = small()
    session, exercise = opened(folder, zygote)
    rows = list(calibrate(session, exercise, 2))
    assert summary(rows) == list(itertools.product(MEASURED, (1000, 1001)))
    for found in rows:
        reference = found.solution != "last-only"
        assert found.number == 0
        assert (found.score < 0.01) == reference
        assert (found.score > 0.06) == (not reference)
        assert (found.curve != []) == reference
        assert 0 < found.steps <= 200
        assert not reference or found.curve[-1][0] == found.steps < 200
    file = kept(folder)
    assert (file.exercise, file.check, file.device) == ("adding", "learns", "cpu")
    assert rows_of(folder) == rows
    for table in file.solutions.values():
        assert table.training == digest(folder)
        assert "torch" in table.versions
    again = rerun(session, exercise, exercise.checks[1], rows[2])
    assert (again.solution, again.seed, again.number) == (rows[2].solution, rows[2].seed, rows[2].number)
    assert again.score == pytest.approx(rows[2].score, rel=0.01)


@pytest.mark.slow
def test_a_row_is_the_training_that_the_check_makes(small, zygote):
    """With the same seeds: a reference that falls short is trained as often as the policy trains it, a mistake once.
    What the check asks behind its training is no part of a row."""
    tells = changed(EXERCISE, ("learn(student, task).judge(HINT)", "tell(learn(student, task))"))
    tells = changed(
        tells,
        (
            "@exercise.check(points=4",
            "TOLD = []\n\ndef tell(learned):\n    TOLD.append(learned)\n    return 0.0\n\n@exercise.check(points=4",
        ),
    )
    folder = small({"exercises/adding/__init__.py": tells, "solutions/reference-again/adding.py": LAST_ONLY})
    session, exercise = opened(folder, zygote)
    rows = list(calibrate(session, exercise, 1))
    assert [(r.solution, r.number) for r in rows] == [
        ("last-only", 0),
        ("reference", 0),
        ("reference-again", 0),
        ("reference-again", 1),
        ("reference-again", 2),
    ]
    with session.staged(folder / "solutions" / "reference-again") as submission:
        session.grade_exercise(submission, exercise, seed=1000)
    (learned,) = exercise.checks[1].run.__globals__["TOLD"]
    assert [run.score for run in learned.runs] == pytest.approx([r.score for r in rows[2:]], rel=1e-4)
    assert policy_share(rows[2:], load(folder, exercise, exercise.checks[1]).share) == learned.share == 0


def test_measuring_goes_on_where_it_was_stopped(small, zygote):
    """What was measured is kept at each moment, and not measured again."""
    folder = small()
    session, exercise = opened(folder, zygote)
    under_way = calibrate(session, exercise, 1)
    first = [next(under_way), next(under_way)]
    under_way.close()
    assert rows_of(folder) == first
    assert summary(calibrate(session, exercise, 1)) == [("reference-again", 1000)]
    assert list(calibrate(session, exercise, 1)) == []
    assert summary(calibrate(session, exercise, 2)) == [(name, 1001) for name in MEASURED]
    rows = rows_of(folder)
    assert [one for one in rows if one.seed == 1000][:2] == first
    assert summary(rows) == list(itertools.product(MEASURED, (1000, 1001)))


def test_a_seed_that_lacks_trainings_gets_them(small, zygote):
    """As after anchors were moved, or where measuring was stopped between two trainings of a seed."""
    folder = small()
    (folder / "solutions" / "reference-again" / "adding.py").unlink()
    earlier = [row("last-only", score=0.001), row("reference", score=0.05), row("reference", number=1, score=0.004)]
    store(folder, earlier)
    rows = list(calibrate(*opened(folder, zygote), 1))
    assert [(r.solution, r.seed, r.number) for r in rows] == [("reference", 1000, 2)]
    assert rows_of(folder) == [*earlier, *rows]


def test_what_changed_is_measured_anew(small, zygote):
    """Of a changed solution its own rows, of a changed task all."""
    folder = small()
    (folder / "solutions" / "reference-again" / "adding.py").unlink()
    earlier = [row(), row("last-only", score=0.001)]
    store(folder, earlier)
    assert list(calibrate(*opened(folder, zygote), 1)) == []
    (folder / "solutions" / "adding" / "last-only" / "adding.py").write_text(LAST_ONLY.replace("== 7", "== 6"))
    assert summary(calibrate(*opened(folder, zygote), 1)) == [("last-only", 1000)]
    assert rows_of(folder)[0] == earlier[0]
    (folder / "exercises" / "adding" / "__init__.py").write_text(EXERCISE.replace("steps=200", "steps=199"))
    rows = list(calibrate(*opened(folder, zygote), 1))
    assert summary(rows) == [("last-only", 1000), ("reference", 1000)]
    assert sorted(map(str, rows_of(folder))) == sorted(map(str, rows))
    assert fresh(folder) == ["last-only", "reference"]


@pytest.mark.parametrize(
    "source",
    [
        FORMULA,
        BAD_RECIPE,
        NO_MODULE,
        RAISES,
        '"""adding.learns: it dies."""\nclass Model:\n    pass\nimport os\nos._exit(1)\n',
    ],
    ids=["a formula", "a bad recipe", "no module", "an exception", "a crash"],
)
def test_a_mistake_that_is_refused_earned_nothing(small, zygote, source):
    """Whatever it is refused for, measuring goes on; a formula is not taken for something learned."""
    folder = small({"solutions/adding/last-only/adding.py": source})
    first = next(calibrate(*opened(folder, zygote), 1))
    assert (first.solution, first.seed, first.score, first.steps) == ("last-only", 1000, None, 0)


@pytest.mark.slow
def test_the_command_measures_what_is_missing_and_states_the_rates(small, invoke):
    """`grade verify --calibrate N`: a line for each new row, then the rates of all."""
    folder = small()
    earlier = [row(name, score=0.2 if name == "last-only" else 0.004) for name in MEASURED]
    store(folder, earlier)
    result = invoke("verify", "--calibrate", 2, "--course", folder)
    assert result.returncode == 0, result.stderr
    *lines, rates = result.stdout.splitlines()
    for line, name in zip(lines, MEASURED, strict=True):
        assert re.fullmatch(rf"adding +{name} +seed 1001.0 +\S+  \d+ steps", line), line
    assert "fell short of full marks in 0 of 4 runs (95 % upper limit 52.7%)" in rates
    assert "earned full marks in 0 of 2 (upper limit 77.6%)" in rates
    assert [one for one in rows_of(folder) if one.seed == 1000] == earlier
    assert len(rows_of(folder)) == 6


@pytest.mark.slow
def test_a_report_states_the_rates_and_shows_the_band(small, invoke):
    folder = small()
    store(folder, [row(seed=seed) for seed in range(1000, 1040)] + [row("last-only", score=0.2, curve=[])])
    fresh = invoke("submit", folder / "solutions" / "reference", "--course", folder, "--seed", 1, "--format", "html")
    assert fresh.returncode == 0, fresh.stderr
    assert "fell short of full marks in 0 of 40 runs" in re.sub(r"\s+", " ", fresh.stdout)
    assert "our references" in fresh.stdout


def submitted(folder, invoke):
    """The page of a submission to the small course."""
    homework = folder / "solutions" / "reference-again"
    answer = invoke("submit", homework, "--course", folder, "--seed", 1, "--format", "html")
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.slow
def test_grading_writes_nothing_into_the_course(small, invoke):
    """Where nothing was measured there is no band, and none is made: that is for `grade verify --calibrate`."""
    folder = small()
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if "__pycache__" not in file.parts}
    assert "our references" not in submitted(folder, invoke)
    assert invoke("batch", folder / "solutions", "--course", folder, "--jobs", 1).returncode == 0
    after = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if "__pycache__" not in file.parts}
    assert after == before


@pytest.mark.slow
def test_a_stale_measurement_is_neither_shown_nor_overwritten(small, invoke):
    folder = small()
    store(folder, [row()], training="0" * 16)
    file = calibration.file_of(folder, "adding", "learns")
    before = file.read_bytes()
    assert "our references" not in submitted(folder, invoke)
    assert file.read_bytes() == before


# The bundled course.

FILES = sorted((ROOT / "exercises").glob("*/calibration/*.json"))
NAMES = [(file.parents[1].name, *file.name.split(".")[:2]) for file in FILES]


def bundled(course, exercise, check):
    """A learning check of the bundled course."""
    checks = {(e.id, c.id): (e, c) for e in course.exercises for c in e.checks if c.task is not None}
    return checks[exercise, check]


@pytest.mark.parametrize("name", NAMES, ids=".".join)
def test_bundled_calibrations_are_fresh_and_large_enough(course, name):
    """At least 20 runs of each reference, of solutions that are still there."""
    exercise_id, check_id, device = name
    exercise, check = bundled(course, exercise_id, check_id)
    found = load(ROOT, exercise, check, device)
    assert found is not None, f"{name}: its calibration is stale; run `grade verify {exercise_id} --calibrate 25`"
    assert found.stale == (), f"{name}: changed since; run `grade verify {exercise_id} --calibrate 25 --mistakes 4`"
    assert (found.exercise, found.check, found.device) == name
    sources = calibration.sources(ROOT, exercise_id)
    seeds = {}
    for r in found.rows:
        seeds.setdefault(r.solution, []).append((r.seed, r.number))
    assert seeds.keys() <= sources.keys()
    assert set(filter(calibration.is_reference, seeds)) == set(filter(calibration.is_reference, sources))
    for solution, drawn in seeds.items():
        assert len(set(drawn)) == len(drawn), solution
        assert len(found.runs(solution)) >= 20 or not calibration.is_reference(solution), solution
    assert found.of(references=False), f"{name}: no mistake was trained"
    assert "of full marks in" in statement(found)


@pytest.mark.parametrize("name", NAMES, ids=".".join)
def test_no_reference_fell_below_nine_tenths_and_no_mistake_passed(course, name):
    """Over at least 80 runs of references in all. A mistake all of whose trainings have a good score is caught beside
    it, as `grade verify` proves."""
    found = load(ROOT, *bundled(course, *name[:2]), name[2])
    assert found is not None
    assert len(found.runs()) >= 80
    assert min(found.runs()) >= 0.9
    for solution in {r.solution for r in found.of(references=False)}:
        passed = [found.share(r) >= 1 for r in found.rows if r.solution == solution]
        assert all(passed) or not any(passed), solution


def test_each_learning_check_is_calibrated(course):
    """A report of another would say nothing of its errors."""
    checks = {(exercise.id, check.id) for exercise in course.exercises for check in exercise.checks if check.task}
    assert {(exercise, check) for exercise, check, device in NAMES if device == "cpu"} == checks


@pytest.mark.slow
def test_two_random_rows_can_be_repeated(course, zygote):
    """A reference that had full marks has them again, a mistake that had nothing has nothing; floats may differ."""
    chance = random.SystemRandom().randrange(2**31)
    choice = random.Random(chance).choice
    exercise_id, check_id, _ = choice([name for name in NAMES if name[2] == "cpu"])
    exercise, check = bundled(course, exercise_id, check_id)
    found = load(ROOT, exercise, check)
    assert found is not None
    full = [r for r in found.of(references=True) if found.share(r) == 1]
    none = [r for r in found.of(references=False) if found.share(r) == 0]
    assert full and none
    for wanted in (choice(full), choice(none)):
        again = rerun(Session(course, [exercise], zygote, Isolation("basic", {})), exercise, check, wanted)
        assert found.share(again) == found.share(wanted), f"random.Random({chance}): {exercise_id}: {wanted} != {again}"
