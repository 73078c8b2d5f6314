"""Error rates are measured, kept and stated: exact limits, files that notice a change, work that can be stopped."""

import itertools
import math
import random
import re
from pathlib import Path

import msgspec
import pytest

from grader.course import calibration
from grader.course.calibration import Calibration, Row, load, reference_band, save, statement, upper_limit
from grader.course.fingerprint import hash_of_exercise
from grader.course.loading import load_course
from grader.course.settings import read_settings
from grader.grading.session import Session
from grader.jail.isolation import Isolation
from grader.verify.calibrate import calibrate, rerun

ROOT = Path(__file__).parents[2]

EXERCISE = '''
"""Add the first and the last of eight numbers."""
import torch
from grader import Exercise, LearningTask, learn

exercise = Exercise("adding", title="Adding", statement=__doc__, names=("Model",))

def draw(count, generator):
    x = torch.rand(count, 8, 1, generator=generator)
    return (x,), x[:, 0] + x[:, -1]

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
    return learn(student, task).judge()
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
    "solutions/reference-again/adding.py": REFERENCE + "\n# in other words\n",
    "solutions/adding/last-only/adding.py": LAST_ONLY,
    "solutions/adding/unbuildable/adding.py": NO_BUILD,
    "solutions/other/other.py": "x = 1\n",
}
MEASURED = ["last-only", "reference", "reference-again"]


@pytest.fixture
def small(submission):
    """Write the small course with some files changed; its folder."""
    return lambda changes=None: submission({**COURSE, **(changes or {})}, name="course")


def loaded(folder):
    course = load_course(read_settings(folder), entry_points=False)
    return course, course.exercises[0]


def kept(folder, exercise="adding"):
    """The file as it is, stale or not."""
    return msgspec.json.decode(calibration.file_of(folder, exercise, "learns").read_bytes(), type=Calibration)


def row(solution="reference", seed=1000, share=1.0, curve=((20, 0.1), (40, 0.01)), score=0.004):
    return Row(solution, seed, score, share, 40, [tuple(point) for point in curve])


def made(rows, digest="0" * 16, exercise="adding"):
    return Calibration(exercise, "learns", digest, "cpu", {"torch": "2"}, rows)


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
    rows = [row(seed=seed, share=0.5 if seed == 1003 else 1.0) for seed in range(1000, 1020)]
    rows += [row("reference-gru", seed=seed) for seed in range(1000, 1020)]
    rows += [row("no-mask", seed=seed, share=0.0, score=None) for seed in range(1000, 1020)]
    text = statement(made(rows))
    assert text.startswith("`adding.learns`: ")
    assert "fell short of full marks in 1 of 40 runs (95 % upper limit 11.3%)" in text
    assert "earned full marks in 0 of 20 (upper limit 13.9%)" in text


@pytest.mark.parametrize("rows", [[], [row()], [row("no-mask", share=0.0)]])
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


# The file.


def test_the_hash_is_that_of_the_exercises_source(tmp_path):
    """Of each file of its folder but the starter; nothing else changes it."""
    home = tmp_path / "exercises"
    source = {"a/__init__.py": "x = 1", "ab/__init__.py": "x = 1", "b/__init__.py": "y = 1", "b/data.py": "z = 1"}
    for name, text in source.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    of_a, of_b = hash_of_exercise(tmp_path, "a"), hash_of_exercise(tmp_path, "b")
    assert re.fullmatch(r"[0-9a-f]{16}", of_a)
    (home / "ab" / "__init__.py").write_text("x = 2")
    (home / "b" / "notes.md").write_text("words")
    (home / "b" / "starter.py").write_text("y = None")
    (home / "a" / "calibration").mkdir()
    (home / "a" / "calibration" / "learns.cpu.json").write_text("{}")
    assert (hash_of_exercise(tmp_path, "a"), hash_of_exercise(tmp_path, "b")) == (of_a, of_b)
    (home / "a" / "__init__.py").write_text("x = 1 ")
    assert hash_of_exercise(tmp_path, "a") != of_a
    (home / "b" / "data.py").write_text("z = 2")
    assert hash_of_exercise(tmp_path, "b") != of_b


def test_other_words_do_not_change_the_hash(tmp_path):
    """A statement, a promise or a comment measures nothing; a threshold does."""
    file = tmp_path / "exercises" / "a" / "__init__.py"
    file.parent.mkdir(parents=True)
    source = '"""Write it."""\nimport torch\n\ndef check(student):\n    """It is so."""\n    return 0.5\n'
    file.write_text(source)
    before = hash_of_exercise(tmp_path, "a")
    for old, new in {
        "Write it.": "Write it,\nand soon.",
        "It is so.": "So.",
        "    return": "    # why\n\n    return",
    }.items():
        file.write_text(source.replace(old, new))
        assert hash_of_exercise(tmp_path, "a") == before, new
    file.write_text(source.replace("0.5", "0.6"))
    assert hash_of_exercise(tmp_path, "a") != before


def test_what_a_course_sets_for_an_exercise_makes_its_calibration_stale(small):
    """Other data, other error rates."""
    folder = small()
    save(folder, made([row()], hash_of_exercise(folder, "adding")))
    (folder / "pyproject.toml").write_text("[tool.grade.exercises.adding]\nnames = 'x'\n")
    assert load(folder, "adding", "learns") is None
    (folder / "pyproject.toml").write_text("[tool.grade.exercises.other]\nnames = 'x'\n")
    assert load(folder, "adding", "learns") is not None


def test_what_is_saved_is_loaded_until_the_exercise_changes(small):
    """A line per row, so that a change can be read; a stale file is refused."""
    folder = small()
    assert load(folder, "adding", "learns") is None
    saved = made([row(), row("last-only", share=0.0, score=None, curve=[])], hash_of_exercise(folder, "adding"))
    save(folder, saved)
    assert load(folder, "adding", "learns") == saved
    lines = calibration.file_of(folder, "adding", "learns").read_text().splitlines()
    assert [line.startswith('{"solution"') for line in lines] == [False, True, True]
    assert [path.name for path in (folder / "exercises" / "adding" / "calibration").iterdir()] == ["learns.cpu.json"]
    source = folder / "exercises" / "adding" / "__init__.py"
    source.write_text(EXERCISE.replace("best=0.01", "best=0.02"))
    assert load(folder, "adding", "learns") is None
    source.write_text(EXERCISE)
    assert load(folder, "adding", "learns") == saved


def test_a_stop_in_the_middle_of_saving_loses_nothing(small, monkeypatch):
    """The file is the old one or the new one, at each moment."""
    folder = small()
    digest = hash_of_exercise(folder, "adding")
    save(folder, made([row()], digest))

    def stop(*_):
        raise KeyboardInterrupt

    for name in ("replace", "write_bytes"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, name, stop)
            with pytest.raises(KeyboardInterrupt):
                save(folder, made([row(), row(seed=1001)], digest))
        assert load(folder, "adding", "learns").rows == [row()]
    inode = calibration.file_of(folder, "adding", "learns").stat().st_ino
    save(folder, made([row(), row(seed=1001)], digest))
    assert len(load(folder, "adding", "learns").rows) == 2
    assert calibration.file_of(folder, "adding", "learns").stat().st_ino != inode


# Measuring.


def opened(folder, zygote):
    """A session in the warm jail of these tests, and the exercise."""
    course, exercise = loaded(folder)
    return Session(course, course.exercises, zygote, Isolation("basic", {})), exercise


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
        assert found.share == (1 if reference else 0), found
        assert (found.score < 0.01) == reference
        assert (found.score > 0.06) == (not reference)
        assert (found.curve != []) == reference
        assert 0 < found.steps <= 200
        assert not reference or found.curve[-1][0] == found.steps < 200
    file = kept(folder)
    assert (file.exercise, file.check, file.device, file.hash) == (
        "adding",
        "learns",
        "cpu",
        hash_of_exercise(folder, "adding"),
    )
    assert file.rows == rows
    assert "torch" in file.versions
    again = rerun(session, exercise, exercise.checks[1], rows[2])
    assert (again.solution, again.seed, again.share) == (rows[2].solution, rows[2].seed, rows[2].share)


def test_a_row_is_what_the_check_says_and_a_mistake_is_trained_once(small, zygote):
    """Probes behind the training count too; here the check tells how many trainings there were, in quarters."""
    tells = EXERCISE.replace("learn(student, task).judge()", "len(learn(student, task).runs) / 4")
    folder = small({"exercises/adding/__init__.py": tells, "solutions/reference-again/adding.py": LAST_ONLY})
    shares = {row.solution: row.share for row in calibrate(*opened(folder, zygote), 1)}
    assert shares == {"last-only": 0.25, "reference": 0.25, "reference-again": 0.75}


def test_measuring_goes_on_where_it_was_stopped(small, zygote):
    """What was measured is kept at each moment, and not measured again."""
    folder = small()
    session, exercise = opened(folder, zygote)
    under_way = calibrate(session, exercise, 1)
    first = [next(under_way), next(under_way)]
    under_way.close()
    assert kept(folder).rows == first
    assert summary(calibrate(session, exercise, 1)) == [("reference-again", 1000)]
    assert list(calibrate(session, exercise, 1)) == []
    assert summary(calibrate(session, exercise, 2)) == [(name, 1001) for name in MEASURED]
    rows = kept(folder).rows
    assert rows[:2] == first
    assert sorted(summary(rows)) == list(itertools.product(MEASURED, (1000, 1001)))


def test_a_changed_exercise_is_measured_anew(small, zygote):
    folder = small()
    (folder / "solutions" / "reference-again" / "adding.py").unlink()
    stale = made([row(), row("last-only", share=1.0)], hash_of_exercise(folder, "adding"))
    save(folder, stale)
    assert list(calibrate(*opened(folder, zygote), 1)) == []
    (folder / "exercises" / "adding" / "__init__.py").write_text(EXERCISE + "\nCHANGED = True\n")
    rows = list(calibrate(*opened(folder, zygote), 1))
    assert summary(rows) == [("last-only", 1000), ("reference", 1000)]
    assert kept(folder).rows == rows
    assert load(folder, "adding", "learns") is not None


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
    assert (first.solution, first.seed, first.share, first.score) == ("last-only", 1000, 0.0, None)


@pytest.mark.slow
def test_the_command_measures_what_is_missing_and_states_the_rates(small, cli):
    """`grade verify --calibrate N`: a line for each new row, then the rates of all."""
    folder = small()
    earlier = [row(name, share=0.0 if name == "last-only" else 1.0) for name in MEASURED]
    save(folder, made(earlier, hash_of_exercise(folder, "adding")))
    result = cli("verify", "--calibrate", 2, "--course", folder)
    assert result.returncode == 0, result.stderr
    *lines, rates = result.stdout.splitlines()
    for line, name in zip(lines, MEASURED, strict=True):
        share = 0 if name == "last-only" else 1
        assert re.fullmatch(rf"adding +{name} +seed 1001 +\S+  share {share}", line), line
    assert "fell short of full marks in 0 of 4 runs (95 % upper limit 52.7%)" in rates
    assert "earned full marks in 0 of 2 (upper limit 77.6%)" in rates
    assert load(folder, "adding", "learns").rows[:3] == earlier
    assert len(load(folder, "adding", "learns").rows) == 6


@pytest.mark.slow
def test_a_report_states_the_rates_and_shows_the_band(small, cli):
    folder = small()
    rows = [row(seed=seed) for seed in range(1000, 1040)] + [row("last-only", share=0.0, curve=[])]
    save(folder, made(rows, hash_of_exercise(folder, "adding")))
    fresh = cli("submit", folder / "solutions" / "reference", "--course", folder, "--seed", 1, "--format", "html")
    assert fresh.returncode == 0, fresh.stderr
    assert "fell short of full marks in 0 of 40 runs" in re.sub(r"\s+", " ", fresh.stdout)
    assert "our references" in fresh.stdout


def submitted(folder, cli):
    """The page of a submission to the small course."""
    homework = folder / "solutions" / "reference-again"
    answer = cli("submit", homework, "--course", folder, "--seed", 1, "--format", "html")
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.slow
def test_grading_writes_nothing_into_the_course(small, cli):
    """Where nothing was measured there is no band, and none is made: that is for `grade verify --calibrate`."""
    folder = small()
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if "__pycache__" not in file.parts}
    assert "our references" not in submitted(folder, cli)
    assert cli("batch", folder / "solutions", "--course", folder, "--jobs", 1).returncode == 0
    after = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if "__pycache__" not in file.parts}
    assert after == before


@pytest.mark.slow
def test_a_stale_measurement_is_neither_shown_nor_overwritten(small, cli):
    folder = small()
    save(folder, made([row()], "0" * 16))
    file = calibration.file_of(folder, "adding", "learns")
    before = file.read_bytes()
    assert "our references" not in submitted(folder, cli)
    assert file.read_bytes() == before


# The bundled course.

NAMES = [
    [file.parents[1].name, *file.name.split(".")] for file in sorted((ROOT / "exercises").glob("*/calibration/*.json"))
]


def bundled(course, exercise, check):
    """A learning check of the bundled course."""
    checks = {(e.id, c.id): (e, c) for e in course.exercises for c in e.checks if c.task is not None}
    return checks[exercise, check]


@pytest.mark.parametrize("name", NAMES, ids=".".join)
def test_bundled_calibrations_are_fresh_and_large_enough(course, name):
    """At least 20 runs of each reference, of solutions that are still there."""
    exercise, check, device, _ = name
    assert bundled(course, exercise, check)
    found = load(ROOT, exercise, check, device)
    assert found is not None, f"{name}: its calibration is stale; run `grade verify {exercise} --calibrate 20`"
    assert (found.exercise, found.check, found.device) == (exercise, check, device)
    seeds = {}
    for r in found.rows:
        home = ROOT / "solutions" if calibration.is_reference(r.solution) else ROOT / "solutions" / exercise
        assert (home / r.solution / f"{exercise}.py").is_file(), r.solution
        assert 0 <= r.share <= 1
        seeds.setdefault(r.solution, []).append(r.seed)
    references = {path.parent.name for path in (ROOT / "solutions").glob(f"reference*/{exercise}.py")}
    assert {solution for solution in seeds if calibration.is_reference(solution)} == references
    for solution, drawn in seeds.items():
        assert len(set(drawn)) == len(drawn), solution
        assert len(drawn) >= 20 or not calibration.is_reference(solution), solution
    assert found.of(references=False), f"{name}: no mistake was trained"
    assert "of full marks in" in statement(found)


@pytest.mark.parametrize("name", NAMES, ids=".".join)
def test_no_reference_fell_below_nine_tenths_and_no_mistake_passed(name):
    """Over at least 80 runs of references in all."""
    found = load(ROOT, *name[:3])
    references = found.of(references=True)
    assert len(references) >= 80
    assert min(r.share for r in references) >= 0.9
    assert max(r.share for r in found.of(references=False)) < 1


def test_each_learning_check_is_calibrated(course):
    """A report of another would say nothing of its errors."""
    checks = {(exercise.id, check.id) for exercise in course.exercises for check in exercise.checks if check.task}
    assert {(exercise, check) for exercise, check, device, _ in NAMES if device == "cpu"} == checks


@pytest.mark.slow
def test_two_random_rows_can_be_repeated(course, zygote):
    """A reference that had full marks has them again, a mistake that had nothing has nothing; floats may differ."""
    chance = random.SystemRandom().randrange(2**31)
    choice = random.Random(chance).choice
    exercise_id, check_id, *_ = choice([name for name in NAMES if name[2] == "cpu"])
    exercise, check = bundled(course, exercise_id, check_id)
    found = load(ROOT, exercise_id, check_id)
    assert found is not None
    full = [r for r in found.of(references=True) if r.share == 1]
    none = [r for r in found.of(references=False) if r.share == 0]
    assert full and none
    for wanted in (choice(full), choice(none)):
        again = rerun(Session(course, [exercise], zygote, Isolation("basic", {})), exercise, check, wanted)
        assert again.share == wanted.share, f"random.Random({chance}): {exercise_id}: {wanted} became {again}"
