"""Submissions with known grades as parameters: each with the seeds that `tests/sweep/submissions.py` names for CI."""

import importlib.util
import sys
from pathlib import Path

import pytest

from grader.course.loading import load_course
from grader.course.settings import read_settings

ROOT = Path(__file__).parents[2]
ARGUMENTS = {"reference_in_ci": "references", "style_in_ci": "styles", "variant_in_ci": "variants"}
COURSE = load_course(read_settings(ROOT), entry_points=False)
TRAINED = [exercise.id for exercise in COURSE.exercises if exercise.trains]


def _submissions():
    """The module `submissions`, under its name: no file of a test can import another."""
    spec = importlib.util.spec_from_file_location("submissions", ROOT / "tests" / "sweep" / "submissions.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


submissions = _submissions()


def pytest_generate_tests(metafunc):
    """A test with one of these arguments is run with each pair of a submission and a seed; trainings are slow."""
    for argument, kind in ARGUMENTS.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, [parameter(*found) for found in submissions.in_ci(ROOT, kind)])


def parameter(submission, seed, reason):
    """A pair as a parameter. One of which it is known why it may fall short is run and reported, and fails nothing."""
    marks = [pytest.mark.slow] if submission.exercise in TRAINED else []
    if reason is not None:
        marks.append(pytest.mark.xfail(reason=reason, strict=False))
    seeds = "" if seed == submissions.SEED else f"-seed{seed}"
    return pytest.param((submission, seed), id=f"{submission.name}{seeds}", marks=marks)


@pytest.fixture
def broken_promises(grade, course):
    """What a submission, graded with a seed, does not show of what it promises."""

    def run(submission, seed):
        (exercise,) = course.pick((submission.exercise,))
        answer = grade(submission.folder, exercise=exercise.id, seed=seed)
        return submissions.broken_promises(submission, exercise, answer.exercises[0])

    return run
