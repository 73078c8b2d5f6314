"""Attacks that want points which were not earned: each against the same wrong code without the attack.

A row of `cheat/` is handed in for an exercise of the course, beside `wrong.py` and a file `way.py` with the name of one
of its ways. Where that name is empty, the row is wrong code and nothing else.
"""

import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.records.grade import ExerciseGrade

pytestmark = pytest.mark.jail

ROWS = Path(__file__).parent / "cheat"


def write(folder: Path, row: str, way: str, exercise: str) -> Path:
    """A row as it is handed in."""
    folder.mkdir()
    shutil.copyfile(ROWS / f"{row}.py", folder / f"{exercise}.py")
    shutil.copyfile(ROWS / "wrong.py", folder / "wrong.py")
    (folder / "way.py").write_text(f"NAME = {way!r}\n")
    return folder


@pytest.fixture
def cheat(grade, tmp_path) -> Callable[..., ExerciseGrade]:
    """Grade a row in one of its ways; `files` lie beside it."""

    def run(row: str, way: str, exercise: str = "my_rnn", files: dict[str, bytes] | None = None) -> ExerciseGrade:
        folder = write(Path(tempfile.mkdtemp(dir=tmp_path)) / "ada", row, way, exercise)
        for name, content in (files or {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        (found,) = grade(folder, exercise=exercise).exercises
        return found

    return run


@pytest.fixture(scope="session")
def known() -> dict[tuple[str, str], ExerciseGrade]:
    """The grades of the wrong code without an attack, by row and exercise: they are asked for many times."""
    return {}


@pytest.fixture
def unhelped(cheat, known) -> Callable[..., ExerciseGrade]:
    """The row's grade without its attack."""

    def run(row: str, exercise: str = "my_rnn") -> ExerciseGrade:
        if (row, exercise) not in known:
            known[row, exercise] = cheat(row, "", exercise)
        return known[row, exercise]

    return run


def passed(grade: ExerciseGrade) -> set[str]:
    """The checks that gave points."""
    return {verdict.id for verdict in grade.checks if verdict.points > 0}


def assert_earns_no_more(attacked: ExerciseGrade, without: ExerciseGrade) -> None:
    """No point and no check more than without the attack; nor does the exercise leave the total."""
    assert without.status == "graded" and 0 < without.points < without.max_points, without
    assert attacked.status != "broken", attacked
    assert passed(attacked) <= passed(without), attacked
    assert attacked.points <= without.points, attacked


@dataclass(frozen=True)
class Row:
    """A way of attacking, and what becomes of the exercise."""

    file: str
    way: str
    status: str = "graded"
    flags: tuple[str, ...] = ()
    points: float | None = None
    """None: as many as without the attack."""
    exercise: str = "my_rnn"

    def __str__(self) -> str:
        return f"{self.file}-{self.way}".replace(" ", "-")


def slow(row: Row) -> object:
    """A row like another one, for a longer run."""
    return pytest.param(row, marks=pytest.mark.slow)


def isolated(row: Row) -> object:
    """A row that looks for what the jail keeps from it: repeated at every level."""
    return pytest.param(row, marks=pytest.mark.isolation)


PROTOCOL = ("crashed", ("protocol",))
PERFECT = ("graded", ("untrained-perfect",))

CHEATS = [
    Row("r4_patched_comparisons", "closeness"),
    Row("r4_patched_comparisons", "all"),
    Row("r5_lying_tensors", "tensor", points=0),
    Row("r5_lying_tensors", "class", points=0),
    Row("r5_lying_tensors", "module", "error", points=0),
    Row("r6_unfit_answers", "nan", points=0),
    Row("r6_unfit_answers", "scalar", points=0),
    Row("r6_unfit_answers", "expanded", points=0.5),
    Row("r6_unfit_answers", "bool", points=0),
    *(slow(Row("r6_unfit_answers", way, points=0)) for way in ("infinity", "one", "integer", "sparse", "numbers")),
    slow(Row("r6_unfit_answers", "nothing", points=0)),
    slow(Row("r6_unfit_answers", "half", points=0.5)),
    Row("r1_forged_verdicts", "claim", points=0),
    Row("r1_forged_verdicts", "frame", *PROTOCOL, points=0),
    Row("r1_forged_verdicts", "ahead", *PROTOCOL, points=0),
    slow(Row("r1_forged_verdicts", "print")),
    Row("u1_patched_worker", "gradients of one"),
    slow(Row("u1_patched_worker", "gradients of zero")),
    Row("u1_patched_worker", "gradients that are no numbers"),
    Row("u1_patched_worker", "tensors", "crashed", points=0),
    Row("u1_patched_worker", "modules", points=0),
    slow(Row("u1_patched_worker", "seeds")),
    Row("u1_patched_worker", "inputs", points=0),
    Row("u1_patched_worker", "parameters", points=4.5),
    Row("u1_patched_worker", "frames", *PROTOCOL, points=0),
    Row("u1_patched_worker", "aliases", *PROTOCOL, points=0),
    isolated(Row("u2_state_left_behind", "all")),
    isolated(Row("i3_hunt_for_answers", "all")),
    isolated(Row("u4_installed_names", "all", exercise="name_classification")),
    *(Row("u7_constant_answers", check) for check in ("bias", "final_state", "input_gradients")),
    Row("u8_our_fault", "overflow"),
    Row("u8_our_fault", "twice as large", exercise="date_seq2seq"),
    Row("u8_our_fault", "large on its way back", points=1, exercise="copy_first"),
]

TRAINED = [
    *(Row("u5_watched_or_not", way, *PERFECT, exercise="copy_first") for way in ("mode", "stack", "after training")),
    Row("u5_watched_or_not", "calls", *PERFECT, points=2.5, exercise="copy_first"),
    Row("u6_forged_training", "by heart", exercise="copy_first"),
    Row("u6_forged_training", "claims", exercise="copy_first"),
    Row("u6_forged_training", "no steps", flags=("parameters-unchanged",), exercise="copy_first"),
    Row("u6_forged_training", "no numbers", points=2.5, exercise="copy_first"),
    Row("u9_formula_behind_training", "all", *PERFECT, exercise="copy_first"),
]


def assert_as_told(row: Row, cheat: Callable[..., ExerciseGrade], unhelped: Callable[..., ExerciseGrade]) -> None:
    without, attacked = unhelped(row.file, row.exercise), cheat(row.file, row.way, row.exercise)
    assert_earns_no_more(attacked, without)
    assert attacked.points == (without.points if row.points is None else row.points), attacked
    assert (attacked.status, tuple(attacked.flags)) == (row.status, row.flags), attacked


@pytest.mark.parametrize("row", CHEATS, ids=str)
def test_an_attack_earns_no_more_than_its_wrong_code(cheat, unhelped, row):
    assert_as_told(row, cheat, unhelped)


@pytest.mark.slow
@pytest.mark.parametrize("row", TRAINED, ids=str)
def test_an_attack_on_a_training_earns_no_more_than_its_wrong_code(cheat, unhelped, row):
    assert_as_told(row, cheat, unhelped)


HIDDEN = [
    *("alias", "hook", "kernel", "operator", "script", "gated"),
    *(
        pytest.param(way, marks=pytest.mark.slow)
        for way in ("string", "import", "copied", "bound", "closure", "private", "extension", "step", "functional")
    ),
    "elsewhere",
    "crowded",
]


@pytest.mark.parametrize("way", HIDDEN)
def test_a_hidden_recurrent_layer_is_found(cheat, way):
    """Whatever it is called, and wherever it is called from."""
    grade = cheat("u3_hidden_rnn", way)
    assert (grade.status, grade.points, grade.flags) == ("disallowed", 0, ["forbidden-layer"]), grade
    assert "recurrent layer" in grade.message


SHADOWED = ("torch", "json", "numpy", "msgspec", "safetensors", "grader", "sitecustomize", "usercustomize", "conftest")


@pytest.mark.isolation
@pytest.mark.parametrize("ending", [".py", "/__init__.py"])
def test_files_named_like_modules_take_nobodys_place(cheat, unhelped, unchanged, world, ending):
    """Neither in the worker nor in the host, which never has a submission on its path."""
    code = f"open({world.file!r}, 'w').write('shadow')\nraise SystemExit\n".encode()
    before = set(sys.modules), list(sys.path)
    grade = cheat("z2_shadowed_names", "all", files={f"{name}{ending}": code for name in SHADOWED})
    without = unhelped("z2_shadowed_names")
    assert_earns_no_more(grade, without)
    assert (grade.points, grade.status, grade.notes) == (without.points, "graded", [])
    assert (set(sys.modules), list(sys.path)) == before


class Bomb:
    """Writes into a file when it is unpickled."""

    def __init__(self, file: str):
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return exec, (f"open({self.file!r}, 'w').write('unpickled')",)


@pytest.mark.isolation
def test_a_pickled_checkpoint_runs_in_the_worker_alone(cheat, unhelped, unchanged, world):
    """The host does not load it; the worker may, and reaches nothing."""
    grade = cheat("r8_pickled_checkpoint", "all", files={"model.pt": pickle.dumps(Bomb(world.file))})
    without = unhelped("r8_pickled_checkpoint")
    assert_earns_no_more(grade, without)
    assert (grade.points, grade.status, grade.flags) == (without.points, "graded", [])


# That these tests can fail: the same files in an ordinary process.

FOOLED = {
    "r5_lying_tensors": ["allclose", "shape"],
    "r6_unfit_answers": ["scalar", "nan"],
    "u2_state_left_behind": ["environment", "modules", "builtins", "torch", "Module", "threading", "descriptor"],
    "i3_hunt_for_answers": ["frames", "objects", "rooms"],
    "u4_installed_names": ["import", "path", "open", "metadata", "pkgutil", "loader"],
    "r4_patched_comparisons": ["allclose", "=="],  # the last one: nothing can be compared behind it
}


@pytest.fixture(scope="session")
def fooled(tmp_path_factory) -> dict[str, list[str]]:
    """What these rows do to a process that nothing keeps apart from them."""
    folder = tmp_path_factory.mktemp("together")
    for row in FOOLED:
        write(folder / row, row, "", row)
    code = f"found = {{row: importlib.import_module(row).fooled() for row in {[*FOOLED]}}}; print(json.dumps(found))"
    scratch = {"TMPDIR": str(folder), "HOME": str(folder), "PATH": os.environ["PATH"]}
    scratch["PYTHONPATH"] = os.pathsep.join(str(folder / row) for row in FOOLED)
    result = subprocess.run(
        [sys.executable, "-c", f"import importlib, json; {code}"],
        cwd=folder,
        env=scratch,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.parametrize("row", FOOLED)
def test_the_same_process_would_be_fooled(row, fooled):
    assert set(FOOLED[row]) <= set(fooled[row])
