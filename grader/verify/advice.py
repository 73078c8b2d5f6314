"""Warnings about an exercise whose grades are right: unmeasured error rates, a reference that is nearly too slow, a
trained model that no check examines; and score thresholds out of order.

Each is a sentence for the exercise's author: what was found, and what to do.
"""

import itertools
from collections.abc import Collection, Iterator, Sequence

import torch

from grader.authoring.exercise import Check, Exercise
from grader.authoring.task import LearningTask
from grader.course import calibration
from grader.course.loading import Course
from grader.course.settings import CourseError
from grader.learning.learned import Learned
from grader.learning.run import in_words
from grader.records.grade import ExerciseGrade
from grader.records.limits import Limits
from grader.verify.claims import Claim

ENOUGH_RUNS = 10
"""With fewer reference runs than this, the error rate of a learning check is not reported."""
TOLERATED = 0.1
"""The fraction of a solution's runs that may have the wrong result without a warning."""
SLOW = 0.5
"""The fraction of its time limit that a reference may take: other machines are slower and busier."""


def task_of(check: Check) -> LearningTask | None:
    """A learning check's task, as one run sees it; None for a check that trains nothing."""
    return None if check.task is None else check.task(torch.Generator().manual_seed(0))


def threshold_problems(task: LearningTask) -> Iterator[str]:
    """The first of a task's score thresholds that is out of order, if any."""
    names = ("stop", "best", "half", "zero", "worst")
    values = [getattr(task, name) for name in names]
    sign = 1 if task.lower_is_better else -1
    for (name, one), (other, next_one) in itertools.pairwise(zip(names, values, strict=True)):
        is_apart = sign * one < sign * next_one
        # `stop` may equal `best`, and `zero` may equal `worst`
        may_be_equal = name == "stop" or other == "worst"
        if not (is_apart or (may_be_equal and one == next_one)):
            order = " <= ".join(names) if task.lower_is_better else " >= ".join(names)
            found = ", ".join(f"{name} {value:g}" for name, value in zip(names, values, strict=True))
            yield f"its score thresholds `{name}` and `{other}` are out of order: found {found}; expected {order}"
            return


def hint_warnings(grade: ExerciseGrade, claim: Claim) -> Iterator[str]:
    """A warning if no hint explains the mistake to the student."""
    is_explained = claim.hint is not None or claim.first or grade.status == "disallowed"
    if not is_explained and not any(check.hint for check in grade.checks if check.id == claim.check):
        yield (
            f"no hint names this mistake: {claim.check} shows none; give the check one, and quote it in the mistake's "
            f"docstring after `Hint: `"
        )


def probe_warnings(exercise: Exercise, learned: Sequence[tuple[str, Learned]]) -> Iterator[str]:
    """A warning if nothing but the score examines the trained model: no check needs it, and nothing observes it."""
    learning = {check.id for check in exercise.checks if check.task is not None}
    is_needed = any(check.task is None and learning & set(check.needs) for check in exercise.checks)
    if not learned or is_needed or any(found.run.observations for _, found in learned):
        return
    yield (
        f"no check looks at the trained model beyond its score: add a behaviour probe, a check with "
        f"needs={learned[-1][0]}, or let `learn` observe the model"
    )


def calibration_warnings(course: Course, exercise: Exercise, check: Check, device: calibration.Device) -> Iterator[str]:
    """Warnings about the measured error rates of a learning check, or that there are none."""
    folder = course.settings.folder
    command = f"grade verify {exercise.id} --calibrate 25 --mistakes 4"
    kinds: list[calibration.Device] = [device, "cpu"]
    found = next((kept for kind in kinds if (kept := calibration.load(folder, exercise, check, kind))), None)
    if found is None:
        try:
            is_measured = any(calibration.read(folder, exercise.id, check.id, kind).solutions for kind in kinds)
        except CourseError as problem:
            yield str(problem)
            return
        if is_measured:
            yield f"its calibration is stale: the training or the solutions have changed since; measure it: `{command}`"
        else:
            yield f"its error rate has not been measured: `{command}`"
        return
    measured = {row.solution for row in found.rows}
    unmeasured = [name for name in calibration.sources(folder, exercise.id) if _is_missing(name, measured, found.stale)]
    if unmeasured:
        yield f"new or changed since the calibration: {', '.join(unmeasured)}; measure them: `{command}`"
    runs = len(found.runs())
    if runs < ENOUGH_RUNS:
        yield f"its error rate was measured with too few reference runs ({runs}): `{command}`"
    for solution in dict.fromkeys(row.solution for row in found.rows):
        yield from _solution_warnings(found, solution)


def _is_missing(solution: str, measured: Collection[str], stale: Collection[str]) -> bool:
    """Whether a solution should have fresh rows and has none; mistakes need some only if they had some before."""
    return solution in stale or (calibration.is_reference(solution) and solution not in measured)


def _solution_warnings(found: calibration.Calibration, solution: str) -> Iterator[str]:
    """Warnings for references that often fall short, and mistakes whose trainings sometimes earn full marks.

    A mistake whose trainings always do is caught by something other than the score, as its verdict shows.
    """
    rows = [row for row in found.rows if row.solution == solution]
    if calibration.is_reference(solution):
        shares, what = found.runs(solution), "fell short of full marks"
        wrong = sum(share < 1 for share in shares)
        scores = [row.score for row in rows if found.share(row) < 1]
    else:
        shares, what = [found.share(row) for row in rows], "earned full marks in single trainings"
        wrong = sum(share >= 1 for share in shares)
        scores = [row.score for row in rows if found.share(row) >= 1]
        if wrong == len(rows):
            return
    if wrong > TOLERATED * len(shares):
        some = ", ".join("none" if score is None else in_words(score) for score in scores[:3])
        yield (
            f"{solution} {what} in {wrong} of {len(shares)} measured runs (scores such as {some}; `best` is "
            f"{found.task().best:g}): move the score thresholds, or change the task"
        )


def time_warnings(limits: Limits, spent: float, learned: Sequence[tuple[str, Learned]]) -> Iterator[str]:
    """Warnings for a reference that is nearly too slow."""
    if spent > SLOW * limits.seconds:
        yield (
            f"it is slow: its checks took {spent:.0f} of the {limits.seconds:g} s allowed for all; ask for less, or "
            f"raise the exercise's limits={{'seconds': ...}}"
        )
    for check, found in learned:
        longest = max(run.seconds for run in found.runs)
        if longest > SLOW * found.task.seconds:
            yield (
                f"it is slow: a training of {check} took {longest:.1f} of the {found.task.seconds:g} s "
                f"allowed for one; use fewer steps, or raise the task's `seconds`"
            )


def untrained_warnings(learned: Sequence[tuple[str, Learned]]) -> Iterator[str]:
    """Warnings for a reference that earns points before it is trained."""
    for check, found in learned:
        untrained = found.run.untrained
        if found.task.share(untrained) > 0:
            yield (
                f"{check}: before any training its {found.task.metric} is {in_words(untrained)}, which already earns "
                f"points: `zero` must be further from `worst`"
            )
