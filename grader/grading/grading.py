"""One submission -> Grade: rules, checks in order with what they need, verdicts, the status of each exercise."""

import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from grader.authoring.exercise import Check, Exercise, Rule
from grader.authoring.expectations import Judged, Unmet
from grader.authoring.recipe import BadRecipe
from grader.course.calibration import Calibrations
from grader.course.loading import Course, effective_limits
from grader.grading.attempt import Attempt, NameNotFound, NotLoaded, TimeSpent
from grader.grading.exception_hints import hint_for
from grader.grading.listener import Listener
from grader.grading.student import NotAModule, Student, StudentRaised
from grader.intake.staging import Submission
from grader.jail.handle import WorkerEnded, ZygoteGone
from grader.jail.host import Jail
from grader.records.grade import CheckStatus, ExerciseGrade, ExerciseStatus, Grade, Verdict
from grader.records.limits import Level, Limits
from grader.records.sanitize import plain

_SHOWN = 4000
"""Characters of a reason or a hint."""
_END_WORDS = {
    "timeout": "it was stopped{where}, because {detail}: something in it does not come to an end, or is very slow",
    "memory": "it was stopped{where}, because {detail} of memory",
    "crashed": "it died{where}: {detail}",
    "protocol": "it wrote to the channel that belongs to the grader and was stopped",
}


@dataclass(frozen=True)
class Outcome:
    """What running a rule or a check came to, before points are counted."""

    share: float
    status: CheckStatus
    message: str
    hint: str | None = None
    explains: bool = False
    """Whether it may well be why other checks failed."""
    is_certain: bool = False
    """Whether the hint names a cause that was measured."""
    our_fault: str | None = None
    lost_zygote: bool = False
    """Whether that was the zygote's end: the next one may have more luck."""


@dataclass
class _Sheet:
    """Notes taken while an exercise is graded."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    disallowed: str | None = None
    flags: list[str] = field(default_factory=list)
    refused: NotLoaded | None = None


def grade(
    submission: Submission,
    exercises: Iterable[Exercise],
    course: Course,
    zygote: Jail,
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
                submission, exercise, limits, zygote, seed=seed, listener=listener, calibrations=calibrations
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
        device=zygote.device if any(exercise.trains for exercise in exercises) else "cpu",
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
    zygote: Jail,
    *,
    seed: int,
    listener: Listener | None = None,
    calibrations: Calibrations | None = None,
) -> ExerciseGrade:
    """One attempt: its verdicts, in the order of the checks. Where it loses its zygote it is made once more."""
    started = time.monotonic()
    listener = listener or Listener()

    def make() -> Attempt:
        return Attempt(zygote, submission, exercise, limits, seed, listener, calibrations)

    attempt, sheet = _attempted(make())
    if any(outcome.lost_zygote for outcome in sheet.outcomes.values()):
        attempt, sheet = _attempted(make())
    listener.spent(exercise.id, attempt.spent)
    for figure in attempt.shown:
        listener.figure(exercise.id, figure)
    for outcome in sheet.outcomes.values():
        if outcome.our_fault is not None:
            listener.fault(outcome.our_fault)
    status, message = _status(attempt, sheet, limits)
    verdicts = [_verdict(check, sheet.outcomes.get(check.id), status) for check in exercise.checks]
    return ExerciseGrade(
        id=exercise.id,
        title=exercise.title,
        status=status,
        message=message,
        points=round(sum(verdict.points for verdict in verdicts), 2),
        max_points=exercise.max_points,
        seconds=round(time.monotonic() - started, 2),
        flags=_flags(attempt, sheet),
        notes=[*submission.notes, *attempt.notes(), *_data_notes(exercise, sheet)],
        checks=verdicts,
    )


def _attempted(attempt: Attempt) -> tuple[Attempt, _Sheet]:
    """An attempt that was made, and the notes taken of it."""
    sheet = _Sheet()
    try:
        _run(attempt, sheet)
    finally:
        attempt.close()
    return attempt, sheet


def _run(attempt: Attempt, sheet: _Sheet) -> None:
    """Load, judge the rules in a worker of their own, then the checks."""
    exercise = attempt.exercise
    try:
        attempt.load()
    except NotLoaded as refused:
        sheet.refused = refused
        return
    except WorkerEnded as end:
        first = exercise.checks[0]
        sheet.outcomes[first.id] = Outcome(0.0, "error", _end_words(end))
        return
    except TimeSpent as spent:
        attempt.ends.append(WorkerEnded("timeout", str(spent)))
        return
    except Exception as problem:
        sheet.outcomes[exercise.checks[0].id] = _our_fault(problem)
        return
    for rule in exercise.rules:
        attempt.listener.check(exercise.id, rule.promise)
        outcome = _try(rule, attempt)
        attempt.fresh()
        if outcome.status == "failed":
            sheet.disallowed = plain(". ".join(filter(None, (outcome.message, outcome.hint))), _SHOWN)
            sheet.flags.append(rule.flag)
            return
        if outcome.status != "passed":
            # a rule that could not be judged holds for nobody: the first check tells why, the others wait
            sheet.outcomes[exercise.checks[0].id] = outcome
            return
    for check in exercise.checks:
        missing = [need for need in check.needs if not _reached(sheet.outcomes.get(need))]
        if missing:
            sheet.outcomes[check.id] = Outcome(0.0, "skipped", _needs_words(exercise, missing))
            continue
        attempt.listener.check(exercise.id, check.promise)
        sheet.outcomes[check.id] = _try(check, attempt)
    sheet.outcomes = {check.id: _explained(check, exercise, sheet.outcomes) for check in exercise.checks}


def _explained(check: Check, exercise: Exercise, outcomes: dict[str, Outcome]) -> Outcome:
    """An outcome whose hint begins with what another check found, where that is the likelier cause of it.

    So it is where answers depend on chance, on earlier calls or on neighbours, and where a model that learned a little
    behaves in a way that another check finds fault with: what a model does says more than its score.
    """
    own = outcomes[check.id]
    if own.status not in ("failed", "partial") or own.explains or own.is_certain:
        return own
    failed = [(other, outcomes[other.id]) for other in exercise.checks if outcomes[other.id].status == "failed"]
    causes = [outcome for _, outcome in failed if outcome.explains]
    if check.task is not None and own.status == "partial":
        causes += [outcome for other, outcome in failed if other.task is None and check.id in other.needs]
    for cause in causes:
        if cause.hint is not None and cause is not own:
            seen = cause.message[:1].upper() + cause.message[1:]
            spare = f" If it is not that: {own.hint}" if own.hint else ""
            return replace(own, hint=f"{seen}, which may be why. {cause.hint}{spare}")
    return own


def _try(check: Check | Rule, attempt: Attempt) -> Outcome:
    """Run a rule or a check; whose fault a failure is shows in what was raised."""
    try:
        judged = check.run(Student(attempt, check.id))
        if not isinstance(judged, Judged):
            judged = _in_words(1.0 if judged is None else float(judged))
        share = judged.share
        if not 0 <= share <= 1:  # NaN is not either
            raise ValueError(f"{attempt.exercise.id}.{check.id} returned the share {share}")
    except Unmet as unmet:
        return Outcome(0.0, "failed", unmet.reason, unmet.hint, unmet.explains)
    except StudentRaised as raised:
        return Outcome(0.0, "error", raised.reason(), hint_for(raised, attempt))
    except BadRecipe as problem:
        return Outcome(0.0, "error", str(problem), "Change the recipe of the class; the other checks count.")
    except (NotAModule, NameNotFound) as problem:
        hint = "Derive the class from `nn.Module`." if isinstance(problem, NotAModule) else None
        return Outcome(0.0, "error", str(problem), hint)
    except NotLoaded as refused:  # it was loaded once, and cannot be loaded again after an end
        return Outcome(0.0, "error", refused.message)
    except TimeSpent:
        return Outcome(0.0, "skipped", "the attempt's time was spent before this check")
    except WorkerEnded as end:
        end.during = check.promise
        return Outcome(0.0, "error", _end_words(end))
    except Exception as problem:
        return _our_fault(problem)
    status: CheckStatus = "passed" if share >= 1 else "partial" if share > 0 else "failed"
    return Outcome(share, status, judged.reason, judged.hint, is_certain=judged.is_certain)


def _in_words(share: float) -> Judged:
    return Judged(share, "as promised" if share >= 1 else f"reached {share:.0%} of what was asked")


def _our_fault(problem: Exception) -> Outcome:
    return Outcome(
        0.0,
        "skipped",
        "the grader itself failed here; this is not your fault",
        our_fault=traceback.format_exc(),
        lost_zygote=isinstance(problem, ZygoteGone),
    )


def _status(attempt: Attempt, sheet: _Sheet, limits: Limits) -> tuple[ExerciseStatus, str | None]:
    """The exercise's status, the first that applies, and what it means for the student."""
    if any(outcome.our_fault is not None for outcome in sheet.outcomes.values()):
        return "broken", "The grader itself failed here; this exercise does not count."
    if sheet.disallowed is not None:
        return "disallowed", sheet.disallowed
    last = {end.kind: end for end in attempt.ends}
    if "memory" in last or attempt.out_of_memory:
        gpu = ", or all that the GPU has" if attempt.has_gpu else ""
        where = _where(last["memory"]) if "memory" in last else ""
        return "memory", f"It used more memory than the {limits.memory_mib} MiB it may{gpu}{where}."
    if "timeout" in last:
        end = last["timeout"]
        return "timeout", f"It was stopped{_where(end)}, when {end.detail}; what passed before that counts."
    if attempt.ends:
        where = _where(attempt.ends[-1])
        return "crashed", f"Its process died{where} before it could answer; what passed before that counts."
    if sheet.refused is not None:
        return sheet.refused.status, sheet.refused.message
    errors = [outcome.message for outcome in sheet.outcomes.values() if outcome.status == "error"]
    if errors and not attempt.built:
        return "error", plain(errors[0], _SHOWN)
    return "graded", None


def _verdict(check: Check, outcome: Outcome | None, status: ExerciseStatus) -> Verdict:
    if outcome is None:
        words = {
            "missing": "nothing was handed in for this exercise",
            "disallowed": "not judged: the attempt broke a rule of the exercise",
            "error": "not judged: the code could not be loaded",
        }
        outcome = Outcome(0.0, "skipped", words.get(status, "not judged: the attempt ended before it"))
    points = round(check.points * outcome.share, 2)
    # reasons quote what students' code returned and was called: types, parameter names, messages
    message, hint = plain(outcome.message, _SHOWN), outcome.hint and plain(outcome.hint, _SHOWN)
    return Verdict(check.id, check.promise, outcome.status, points, check.points, message, hint)


def _data_notes(exercise: Exercise, sheet: _Sheet) -> list[str]:
    """What the data was: part of how a grade came about."""
    if exercise.data is None or not sheet.outcomes:
        return []
    try:
        return [exercise.data()]
    except Exception:
        return []  # its checks are broken by the same fault, and that is told


def _flags(attempt: Attempt, sheet: _Sheet) -> list[str]:
    flags = {*sheet.flags, *attempt.flags}
    if attempt.broke_protocol or any(end.kind == "protocol" for end in attempt.ends):
        flags.add("protocol")
    if attempt.cut_output:
        flags.add("output-limit")
    if attempt.failures():
        flags.add("plain-import-failed")
    return sorted(flags)


def _where(end: WorkerEnded) -> str:
    """Where a worker ended, as a part of a sentence."""
    doing = f" in {end.doing}" if end.doing else ""
    return f"{doing}, during the check '{end.during.rstrip('.')}'" if end.during else doing


def _end_words(end: WorkerEnded) -> str:
    where = f" in {end.doing}" if end.doing else ""
    return _END_WORDS[end.kind].format(where=where, detail=end.detail)


def _reached(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status in ("passed", "partial")


def _needs_words(exercise: Exercise, missing: list[str]) -> str:
    promises = {check.id: check.promise for check in exercise.checks}
    return f"waits for: {promises[missing[0]]}"
