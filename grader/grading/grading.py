"""Grade a submission: run an attempt at each exercise, and derive its status, verdicts, points, flags and notes."""

import contextlib
import time
from collections.abc import Iterable

from grader.authoring.exercise import Check, Exercise
from grader.course.calibration import Calibrations
from grader.course.loading import Course, effective_limits
from grader.grading.attempt import Attempt
from grader.grading.checking import Checked, Outcome, check_attempt
from grader.grading.listener import Listener
from grader.intake.staging import Submission
from grader.jail.handle import WorkerEnded
from grader.jail.host import Jail
from grader.records.grade import ExerciseGrade, ExerciseStatus, Grade, Verdict
from grader.records.limits import Level, Limits
from grader.records.sanitize import sanitize

_SHOWN = 4000
"""The most characters of a reason or a hint."""


def grade(
    submission: Submission,
    exercises: Iterable[Exercise],
    course: Course,
    jail: Jail,
    *,
    level: Level,
    seed: int,
    listener: Listener | None = None,
    calibrations: Calibrations | None = None,
) -> Grade:
    """Grade a staged submission. Nothing a student wrote makes this raise."""
    started = time.monotonic()
    listener = listener or Listener()
    exercises = list(exercises)
    grades = []
    if submission.problem is None:
        for exercise in exercises:
            limits = effective_limits(course.settings, exercise)
            grade = grade_exercise(
                submission, exercise, limits, jail, seed=seed, listener=listener, calibrations=calibrations
            )
            grades.append(grade)
            listener.check(exercise.id, None)
    counted = [g for g in grades if g.status != "broken"]
    points = round(sum(g.points for g in counted), 2)
    possible = counted if submission.problem is None else exercises
    max_points = round(sum(e.max_points for e in possible), 2)
    return Grade(
        schema=1,
        submission=submission.name,
        status="graded" if submission.problem is None else "invalid",
        message=submission.problem,
        points=points,
        max_points=max_points,
        percent=round(100 * points / max_points, 2) if max_points else 0.0,
        device=jail.device if any(exercise.trains for exercise in exercises) else "cpu",
        isolation=level,
        seed=seed,
        seconds=round(time.monotonic() - started, 2),
        flags=sorted({flag for g in grades for flag in g.flags}),
        exercises=grades,
    )


def grade_exercise(
    submission: Submission,
    exercise: Exercise,
    limits: Limits,
    jail: Jail,
    *,
    seed: int,
    listener: Listener | None = None,
    calibrations: Calibrations | None = None,
) -> ExerciseGrade:
    """Grade one exercise; verdicts are in the order of the checks."""
    started = time.monotonic()
    listener = listener or Listener()

    def attempted() -> tuple[Attempt, Checked]:
        attempt = Attempt(jail, submission, exercise, limits, seed, listener, calibrations)
        with contextlib.closing(attempt):
            return attempt, check_attempt(attempt)

    attempt, checked = attempted()
    # a fork server that was killed from outside says nothing about the submission: try once more, with the same seed
    if checked.lost_fork_server:
        attempt, checked = attempted()
    listener.spent(exercise.id, attempt.spent)
    for figure in attempt.figures:
        listener.figure(exercise.id, figure)
    for traceback in checked.internal_errors:
        listener.internal_error(traceback)
    status, message = _status(attempt, checked, limits)
    verdicts = [_verdict(check, checked.outcomes.get(check.id), status) for check in exercise.checks]
    return ExerciseGrade(
        id=exercise.id,
        title=exercise.title,
        status=status,
        message=message,
        points=round(sum(verdict.points for verdict in verdicts), 2),
        max_points=exercise.max_points,
        seconds=round(time.monotonic() - started, 2),
        flags=_flags(attempt, checked),
        notes=[*submission.notes, *attempt.notes(), *_data_notes(exercise, checked)],
        checks=verdicts,
    )


def _status(attempt: Attempt, checked: Checked, limits: Limits) -> tuple[ExerciseStatus, str | None]:
    """The exercise's status, the first one that applies, with a message for the student."""
    if checked.internal_errors:
        return "broken", "The grader itself failed here; this exercise does not count."
    if checked.violation is not None:
        found = checked.violation.outcome
        return "disallowed", sanitize(". ".join(filter(None, (found.message, found.hint))), _SHOWN)
    last = {end.kind: end for end in attempt.ends}
    if "memory" in last or attempt.out_of_memory:
        gpu = ", or all of the GPU's memory" if attempt.has_gpu else ""
        where = _where(last["memory"]) if "memory" in last else ""
        return "memory", f"It used more than its limit of {limits.memory_mib} MiB of memory{gpu}{where}."
    if "timeout" in last:
        end = last["timeout"]
        return "timeout", f"It was stopped{_where(end)}, when {end.detail}; what passed before that counts."
    if attempt.ends:
        where = _where(attempt.ends[-1])
        return "crashed", f"Its process died{where} before it could answer; what passed before that counts."
    if checked.refused is not None:
        return checked.refused.status, checked.refused.message
    errors = [outcome.message for outcome in checked.outcomes.values() if outcome.status == "error"]
    if errors and not attempt.built:
        return "error", sanitize(errors[0], _SHOWN)
    return "graded", None


def _verdict(check: Check, outcome: Outcome | None, status: ExerciseStatus) -> Verdict:
    if outcome is None:
        reasons = {
            "missing": "nothing was handed in for this exercise",
            "disallowed": "not judged: the attempt broke a rule of the exercise",
            "error": "not judged: the code could not be loaded",
        }
        outcome = Outcome(0.0, "skipped", reasons.get(status, "not judged: the attempt ended before it"))
    points = round(check.points * outcome.share, 2)
    # sanitized, because reasons quote what students control: types, parameter names, messages
    message, hint = sanitize(outcome.message, _SHOWN), outcome.hint and sanitize(outcome.hint, _SHOWN)
    return Verdict(check.id, check.promise, outcome.status, points, check.points, message, hint)


def _data_notes(exercise: Exercise, checked: Checked) -> list[str]:
    """Notes on the data that the checks used: part of how the grade was computed."""
    if exercise.data is None or not checked.outcomes:
        return []
    try:
        return [exercise.data()]
    except Exception:
        return []  # the checks that use the data failed in the same way, which is reported


def _flags(attempt: Attempt, checked: Checked) -> list[str]:
    flags = set(attempt.flags)
    if checked.violation is not None:
        flags.add(checked.violation.rule.flag)
    if attempt.failures():
        flags.add("plain-import-failed")
    return sorted(flags)


def _where(end: WorkerEnded) -> str:
    """Where a worker ended, as part of a sentence."""
    doing = f" in {end.doing}" if end.doing else ""
    return f"{doing}, during the check '{end.during.rstrip('.')}'" if end.during else doing
