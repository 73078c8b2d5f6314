"""Hints come from what was measured: the first thing that a student reads of a mistake names it, whoever made it."""

from pathlib import Path

import pytest

from grader import Exercise, Judged, LearningTask, Unmet
from grader.grading.grading import grade_exercise
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits
from grader.verify.claims import read_claim

ROOT = Path(__file__).parents[2]
MISTAKES = sorted(path.parent for path in ROOT.glob("solutions/*/*/*.py") if "+" not in path.parent.name)
VARIANTS = sorted(ROOT.glob("tests/exercises/*/variants/*/"))


def test_every_mistake_says_what_is_read_first():
    claims = {f"{path.parent.name}/{path.name}": read_claim(path / f"{path.parent.name}.py") for path in MISTAKES}
    assert not [name for name, claim in claims.items() if not claim.first]
    assert len(VARIANTS) >= 25
    assert {f"{path.parents[1].name}/{path.name}" for path in VARIANTS} <= set(claims)


@pytest.mark.slow
def test_the_hint_is_the_same_whoever_made_the_mistake(variant_in_ci, broken_promises):
    """Mistakes in another hand than that of the solution: another cell, another layout, other names. The check that
    catches the solution is not passed, and what is read first names the mistake."""
    assert not broken_promises(*variant_in_ci)


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
        "before": f"{why} If that is not the cause: Add one.",
        "bare": why,
        "passes": None,
        "same": "It is random.",
        "part": f"{why} If that is not the cause: More of it.",
        "certain": "The rate is off.",
    }


def test_what_a_trained_model_does_wrong_says_more_than_its_score(hints):
    behaviour = {
        "learns": lambda: Judged(0.5, "half of it", "More of it."),
        "follows": lambda: Unmet("it blurs", "Keep them apart."),
    }
    why = "It blurs, which may be why. Keep them apart. If that is not the cause: More of it."
    assert hints(behaviour, task=True) == {"learns": why, "follows": "Keep them apart."}
    assert hints(behaviour) == {"learns": "More of it.", "follows": "Keep them apart."}
    full = {**behaviour, "learns": lambda: Judged(1.0, "all of it")}
    assert hints(full, task=True)["learns"] is None
