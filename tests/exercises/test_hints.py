"""Hints come from what was measured: the first thing that a student reads of a mistake names it, whoever made it."""

from pathlib import Path

import pytest

from grader import Exercise, Judged, LearningTask, Unmet
from grader.course.loading import load_course
from grader.course.settings import read_settings
from grader.grading.grading import grade_exercise
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits
from grader.records.summary import first_to_fix
from grader.verify.claims import read_claim

ROOT = Path(__file__).parents[2]
COURSE = load_course(read_settings(), entry_points=False)
TRAINED = [exercise.id for exercise in COURSE.exercises if exercise.trains]
MISTAKES = sorted(path.parent for path in ROOT.glob("solutions/*/*/*.py") if "+" not in path.parent.name)
VARIANTS = sorted(ROOT.glob("tests/exercises/*/variants/*/"))
CLAIMS = {f"{path.parent.name}/{path.name}": read_claim(path / f"{path.parent.name}.py") for path in MISTAKES}


def missing(name, first):
    """The words that do not stand in what a student reads first, of those that the mistake's docstring says."""
    return CLAIMS[name].missing_first(first)


def exercise_of(mistake):
    """`solutions/<exercise>/<mistake>`, `tests/exercises/<exercise>/variants/<mistake>`."""
    return (mistake.parents[1] if mistake.parent.name == "variants" else mistake.parent).name


def key_of(mistake):
    return f"{exercise_of(mistake)}/{mistake.name}"


@pytest.fixture
def first(grade):
    """The first thing that a student reads of a submission."""

    def read(folder, seed=3):
        fix = first_to_fix(grade(folder, exercise=exercise_of(folder), seed=seed))
        assert fix is not None, "it earns everything"
        return f"{fix.reason}\n{fix.hint or ''}"

    return read


def trained(folders):
    """Folders as parameters; those of exercises that train are slow."""
    slow = pytest.mark.slow
    return [pytest.param(f, id=key_of(f), marks=slow if exercise_of(f) in TRAINED else ()) for f in folders]


def test_every_mistake_says_what_is_read_first():
    assert not [name for name, claim in CLAIMS.items() if not claim.first]
    assert len(VARIANTS) >= 25
    assert {key_of(path) for path in VARIANTS} <= set(CLAIMS)


@pytest.mark.parametrize("mistake", [path for path in MISTAKES if exercise_of(path) not in TRAINED], ids=key_of)
def test_the_first_thing_to_fix_names_the_mistake(mistake, first):
    """Without `grade verify`, which asks it of all; of trained models it is asked there alone."""
    found = first(mistake)
    assert not missing(key_of(mistake), found), found


@pytest.mark.parametrize("variant", trained(VARIANTS))
def test_the_hint_does_not_hang_on_who_made_the_mistake(variant, first):
    """Mistakes in another hand than that of the solution: another cell, another layout, other names."""
    found = first(variant)
    assert not missing(key_of(variant), found), found


# How checks tell of each other.


TASK = LearningTask("Model", (), None, None, "error", 0, 1, 2, 3, 0, 1, 1.0, 1)


def exercise_with(checks, task):
    """An exercise with these checks, each a function that judges; if `task`, the first is about learning, and the
    others need it."""
    made = Exercise("task", title="A task", statement="", names=("x",))
    for number, (name, judge) in enumerate(checks.items()):

        def run(student, judge=judge):
            found = judge()
            if isinstance(found, Exception):
                raise found
            return found

        run.__name__, run.__doc__ = name, "It keeps a promise."
        needs = [made.checks[0].run] if number and task else []
        made.check(points=1, needs=needs, task=TASK if task and not number else None)(run)
    return made


@pytest.fixture
def hints(submission, zygote, course):
    """The hints of such an exercise, by check."""

    def grade_it(checks, task=False):
        staged = stage(submission({"task.py": "x = 1\n"}), zygote, Limits())
        try:
            graded = grade_exercise(staged, exercise_with(checks, task), Limits(), zygote, seed=1)
        finally:
            unstage(staged, zygote)
        assert graded.status == "graded", graded
        return {check.id: check.hint for check in graded.checks}

    return grade_it


def test_what_explains_other_failures_is_said_there_first(hints):
    chance = Unmet("asked twice, it differs", "It is random.", explains=True)
    found = hints(
        {
            "before": lambda: Unmet("it is wrong", "Add one."),
            "bare": lambda: Unmet("it is wrong"),
            "passes": lambda: 1.0,
            "same": lambda: chance,
            "part": lambda: Judged(0.5, "half of it", "More of it."),
            "certain": lambda: Judged(0.5, "half of it", "The rate is off.", is_certain=True),
        }
    )
    why = "Asked twice, it differs, which may be why. It is random."
    assert found == {
        "before": f"{why} If it is not that: Add one.",
        "bare": why,
        "passes": None,
        "same": "It is random.",
        "part": f"{why} If it is not that: More of it.",
        "certain": "The rate is off.",
    }


def test_what_a_trained_model_does_wrong_says_more_than_its_score(hints):
    behaviour = {
        "learns": lambda: Judged(0.5, "half of it", "More of it."),
        "follows": lambda: Unmet("it blurs", "Keep them apart."),
    }
    why = "It blurs, which may be why. Keep them apart. If it is not that: More of it."
    assert hints(behaviour, task=True) == {"learns": why, "follows": "Keep them apart."}
    assert hints(behaviour) == {"learns": "More of it.", "follows": "Keep them apart."}
    full = {**behaviour, "learns": lambda: Judged(1.0, "all of it")}
    assert hints(full, task=True)["learns"] is None
