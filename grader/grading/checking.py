"""Run one attempt's rules and checks, in order, and turn what they raise into outcomes."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from grader.authoring.exercise import Check, Exercise, Rule
from grader.authoring.expectations import Judged, Unmet
from grader.authoring.recipe import BadRecipe
from grader.grading.attempt import Attempt
from grader.grading.errors import NameNotFound, NotAModule, NotLoaded, StudentRaised, TimeSpent
from grader.grading.exception_hints import hint_for
from grader.grading.student import Student
from grader.jail.handle import WorkerEnded, ZygoteGone
from grader.records.grade import CheckStatus

_END_MESSAGES = {
    "timeout": "it was stopped{where} because {detail}: it may contain an infinite loop or be very slow",
    "memory": "it was stopped{where} because {detail} of memory",
    "crashed": "it died{where}: {detail}",
    "protocol": "it was stopped because it wrote to the grader's internal channel",
}


@dataclass(frozen=True)
class Outcome:
    """The result of a rule or a check, before points are counted."""

    share: float
    status: CheckStatus
    message: str
    hint: str | None = None
    explains: bool = False
    """Whether it is a likely cause of other checks' failures."""
    is_certain: bool = False
    """Whether the hint names a measured cause."""
    internal_error: str | None = None
    """The traceback, where the grader itself failed."""
    lost_fork_server: bool = False
    """Whether it failed because the fork server died; a retry may help."""


@dataclass(frozen=True)
class Violation:
    """A rule of the exercise that the attempt broke, and its outcome."""

    rule: Rule
    outcome: Outcome


@dataclass(frozen=True)
class Checked:
    """The result of an attempt: outcomes by check id, or why there are none."""

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    violation: Violation | None = None
    refused: NotLoaded | None = None

    @property
    def internal_errors(self) -> list[str]:
        """The tracebacks of failures of the grader itself."""
        return [outcome.internal_error for outcome in self.outcomes.values() if outcome.internal_error is not None]

    @property
    def lost_fork_server(self) -> bool:
        """Whether the fork server died."""
        return any(outcome.lost_fork_server for outcome in self.outcomes.values())


def check_attempt(attempt: Attempt) -> Checked:
    """Load the code, then run the rules, each in its own worker, then the checks."""
    exercise = attempt.exercise
    try:
        attempt.load()
    except NotLoaded as refused:
        return Checked(refused=refused)
    except WorkerEnded as end:
        return _reported_by_first_check(exercise, Outcome(0.0, "error", _describe_end(end)))
    except TimeSpent as spent:
        attempt.ends.append(WorkerEnded("timeout", str(spent)))
        return Checked()
    except Exception as problem:
        return _reported_by_first_check(exercise, _internal_error(problem))
    # rules run first, so that code that hangs or raises only under tracing cannot earn points from the checks
    for rule in exercise.rules:
        attempt.listener.check(exercise.id, rule.promise)
        outcome = _run_one(rule, attempt)
        attempt.replace_worker()
        if outcome.status == "failed":
            return Checked(violation=Violation(rule, outcome))
        if outcome.status != "passed":
            return _reported_by_first_check(exercise, outcome)  # a rule that cannot be judged counts as broken
    return Checked(_run_checks(attempt))


def _reported_by_first_check(exercise: Exercise, outcome: Outcome) -> Checked:
    """Attach the reason why nothing could be judged to the first check; the others are skipped."""
    return Checked({exercise.checks[0].id: outcome})


def _run_checks(attempt: Attempt) -> dict[str, Outcome]:
    exercise = attempt.exercise
    outcomes: dict[str, Outcome] = {}
    for check in exercise.checks:
        missing = [need for need in check.needs if not _reached(outcomes.get(need))]
        if missing:
            outcomes[check.id] = Outcome(0.0, "skipped", _waiting_message(exercise, missing))
            continue
        attempt.listener.check(exercise.id, check.promise)
        outcomes[check.id] = _run_one(check, attempt)
    return {check.id: _with_explanation(check, exercise, outcomes) for check in exercise.checks}


def _with_explanation(check: Check, exercise: Exercise, outcomes: Mapping[str, Outcome]) -> Outcome:
    """The outcome, with a hint that starts with another check's finding where that is the more likely cause.

    That is so where answers depend on chance, on earlier calls or on neighbours in the batch, and where a model that
    learned only a little fails a check of its behaviour: that says more about the cause than its score.
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
            spare = f" If that is not the cause: {own.hint}" if own.hint else ""
            return replace(own, hint=f"{seen}, which may be why. {cause.hint}{spare}")
    return own


def _run_one(check: Check | Rule, attempt: Attempt) -> Outcome:
    """Run a rule or a check. The type of an exception says whether the student's code or the grader failed."""
    try:
        judged = check.run(Student(attempt, check.id))
        if not isinstance(judged, Judged):
            judged = _default_judgement(1.0 if judged is None else float(judged))
        share = judged.share
        if not 0 <= share <= 1:  # also rejects NaN
            raise ValueError(f"{attempt.exercise.id}.{check.id} returned {share}; a share must be between 0 and 1")
    except Unmet as unmet:
        return Outcome(0.0, "failed", unmet.reason, unmet.hint, unmet.explains)
    except StudentRaised as raised:
        return Outcome(0.0, "error", raised.reason(), hint_for(raised, attempt))
    except BadRecipe as problem:
        return Outcome(0.0, "error", str(problem), "Fix the class's recipe; the other checks still count.")
    except (NotAModule, NameNotFound) as problem:
        hint = "Make the class a subclass of `nn.Module`." if isinstance(problem, NotAModule) else None
        return Outcome(0.0, "error", str(problem), hint)
    except NotLoaded as refused:  # it was loaded before, but cannot be reloaded after its worker ended
        return Outcome(0.0, "error", refused.message)
    except TimeSpent:
        return Outcome(0.0, "skipped", "the attempt ran out of time before this check")
    except WorkerEnded as end:
        end.during = check.promise
        return Outcome(0.0, "error", _describe_end(end))
    except Exception as problem:
        return _internal_error(problem)
    status: CheckStatus = "passed" if share >= 1 else "partial" if share > 0 else "failed"
    return Outcome(share, status, judged.reason, judged.hint, is_certain=judged.is_certain)


def _default_judgement(share: float) -> Judged:
    return Judged(share, "as promised" if share >= 1 else f"reached {share:.0%} of what was asked")


def _internal_error(problem: Exception) -> Outcome:
    return Outcome(
        0.0,
        "skipped",
        "the grader itself failed here; this is not your fault",
        internal_error=traceback.format_exc(),
        lost_fork_server=isinstance(problem, ZygoteGone),
    )


def _describe_end(end: WorkerEnded) -> str:
    where = f" in {end.doing}" if end.doing else ""
    return _END_MESSAGES[end.kind].format(where=where, detail=end.detail)


def _reached(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status in ("passed", "partial")


def _waiting_message(exercise: Exercise, missing: list[str]) -> str:
    promises = {check.id: check.promise for check in exercise.checks}
    return f"waits for: {promises[missing[0]]}"
