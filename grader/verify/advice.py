"""What an exercise still lacks though its grades come out right: anchors out of order, error rates that nobody
measured, a reference that is nearly too slow, a trained model that nobody looks at.

Each piece of advice is a sentence for the exercise's author: what was found, and what to do.
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
"""Reference runs of a learning check below which nothing is said about how often it errs."""
TOLERATED = 0.1
"""The part of a solution's runs that may come out otherwise than they should, without a word."""
SLOW = 0.5
"""The part of its time that a reference may take: other machines are slower, and busier."""


def task_of(check: Check) -> LearningTask | None:
    """A learning check's task as one run meets it; None for a check that trains nothing."""
    return None if check.task is None else check.task(torch.Generator().manual_seed(0))


def on_anchors(task: LearningTask) -> Iterator[str]:
    """Why a task's anchors cannot tell learned from not learned: the first that is out of order, and all as found."""
    names = ("stop", "best", "half", "zero", "worst")
    values = [getattr(task, name) for name in names]
    sign = 1 if task.lower_is_better else -1
    for (name, one), (other, next_one) in itertools.pairwise(zip(names, values, strict=True)):
        is_apart = sign * one < sign * next_one
        # full marks may stop the training, and knowing nothing may be the first to earn nothing
        may_be_equal = name == "stop" or other == "worst"
        if not (is_apart or (may_be_equal and one == next_one)):
            order = " <= ".join(names) if task.lower_is_better else " >= ".join(names)
            found = ", ".join(f"{name} {value:g}" for name, value in zip(names, values, strict=True))
            yield f"its anchors `{name}` and `{other}` are out of order: found {found}; expected {order}"
            return


def on_hint(grade: ExerciseGrade, claim: Claim) -> Iterator[str]:
    """Whether anything tells the student what the mistake is: its author's words or any hint."""
    is_told = claim.hint is not None or claim.first or grade.status == "disallowed"
    if not is_told and not any(check.hint for check in grade.checks if check.id == claim.check):
        yield (
            f"no hint names this mistake: {claim.check} shows none; give the check one, and the mistake's docstring a "
            f"line `Hint: ` with words of it"
        )


def on_probes(exercise: Exercise, learned: Sequence[tuple[str, Learned]]) -> Iterator[str]:
    """Whether anything looks at the trained model but its score: a check that waits for it, or an observer."""
    learning = {check.id for check in exercise.checks if check.task is not None}
    is_waited_for = any(check.task is None and learning & set(check.needs) for check in exercise.checks)
    if not learned or is_waited_for or any(found.run.observations for _, found in learned):
        return
    yield (
        f"no check looks at the trained model: what a score cannot see, a behaviour probe must; give points to a "
        f"check with needs={learned[-1][0]}, or let `learn` observe the model"
    )


def on_calibration(course: Course, exercise: Exercise, check: Check, device: calibration.Device) -> Iterator[str]:
    """What the measured error rates of a learning check say, or that there are none."""
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
            yield f"its calibration is stale: what is trained, or the solutions, changed since; measure it: `{command}`"
        else:
            yield f"how often it errs has not been measured: `{command}`"
        return
    measured = {row.solution for row in found.rows}
    unmeasured = [name for name in calibration.sources(folder, exercise.id) if _is_missing(name, measured, found.stale)]
    if unmeasured:
        yield f"new or changed since it was measured: {', '.join(unmeasured)}; measure them: `{command}`"
    runs = len(found.runs())
    if runs < ENOUGH_RUNS:
        yield f"how often it errs was measured in {runs} runs of references only: `{command}`"
    for solution in dict.fromkeys(row.solution for row in found.rows):
        yield from _on_solution(found, solution)


def _is_missing(solution: str, measured: Collection[str], stale: Collection[str]) -> bool:
    """Whether a solution should have rows, and has none that are fresh; of mistakes, those are known that had some."""
    return solution in stale or (calibration.is_reference(solution) and solution not in measured)


def _on_solution(found: calibration.Calibration, solution: str) -> Iterator[str]:
    """References that often fall short, mistakes whose single trainings sometimes earn everything.

    A mistake whose trainings all do is caught by what the check asks beside the score, as its verdict proves.
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
            f"{found.task().best:g}): move the anchors, or change the task"
        )


def on_time(limits: Limits, spent: float, learned: Sequence[tuple[str, Learned]]) -> Iterator[str]:
    """Whether a reference is nearly too slow."""
    if spent > SLOW * limits.seconds:
        yield (
            f"it is slow: its checks took {spent:.0f} of the {limits.seconds:g} s that all may take; ask for less, "
            f"or raise the exercise's limits={{'seconds': ...}}"
        )
    for check, found in learned:
        longest = max(run.seconds for run in found.runs)
        if longest > SLOW * found.task.seconds:
            yield (
                f"it is slow: a training of {check} took {longest:.1f} of the {found.task.seconds:g} s that one may "
                f"take; use fewer steps, or raise the task's `seconds`"
            )


def on_untrained(learned: Sequence[tuple[str, Learned]]) -> Iterator[str]:
    """Whether a reference earns something before it was trained."""
    for check, found in learned:
        untrained = found.run.untrained
        if found.task.share(untrained) > 0:
            yield (
                f"{check}: before any training its {found.task.metric} is {in_words(untrained)}, which already earns "
                f"points: `zero` must lie further from `worst`"
            )
