"""One attempt's rules and checks, in order: whose fault a failure is, what it waits for, and what explains it."""

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
    internal_error: str | None = None
    """The traceback of a failure of the grader's own."""
    lost_fork_server: bool = False
    """Whether that failure was the fork server's end: the next one may have more luck."""


@dataclass(frozen=True)
class Violation:
    """A rule of the exercise that the attempt broke, and what judging it came to."""

    rule: Rule
    outcome: Outcome


@dataclass(frozen=True)
class Checked:
    """What became of an attempt: an outcome for each check that was reached, by its id, or why there is none."""

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    violation: Violation | None = None
    refused: NotLoaded | None = None

    @property
    def internal_errors(self) -> list[str]:
        """The tracebacks of the grader's own failures."""
        return [outcome.internal_error for outcome in self.outcomes.values() if outcome.internal_error is not None]

    @property
    def lost_fork_server(self) -> bool:
        """Whether a failure was the fork server's end."""
        return any(outcome.lost_fork_server for outcome in self.outcomes.values())


def check_attempt(attempt: Attempt) -> Checked:
    """Load, judge the rules, each in a worker of its own, then the checks."""
    exercise = attempt.exercise
    try:
        attempt.load()
    except NotLoaded as refused:
        return Checked(refused=refused)
    except WorkerEnded as end:
        return _told_by_first(exercise, Outcome(0.0, "error", _end_words(end)))
    except TimeSpent as spent:
        attempt.ends.append(WorkerEnded("timeout", str(spent)))
        return Checked()
    except Exception as problem:
        return _told_by_first(exercise, _internal_error(problem))
    for rule in exercise.rules:
        attempt.listener.check(exercise.id, rule.promise)
        outcome = _try(rule, attempt)
        attempt.fresh()
        if outcome.status == "failed":
            return Checked(violation=Violation(rule, outcome))
        if outcome.status != "passed":
            return _told_by_first(exercise, outcome)  # a rule that could not be judged holds for nobody
    return Checked(_run_checks(attempt))


def _told_by_first(exercise: Exercise, outcome: Outcome) -> Checked:
    """The first check tells why nothing could be judged; the others wait."""
    return Checked({exercise.checks[0].id: outcome})


def _run_checks(attempt: Attempt) -> dict[str, Outcome]:
    exercise = attempt.exercise
    outcomes: dict[str, Outcome] = {}
    for check in exercise.checks:
        missing = [need for need in check.needs if not _reached(outcomes.get(need))]
        if missing:
            outcomes[check.id] = Outcome(0.0, "skipped", _needs_words(exercise, missing))
            continue
        attempt.listener.check(exercise.id, check.promise)
        outcomes[check.id] = _try(check, attempt)
    return {check.id: _explained(check, exercise, outcomes) for check in exercise.checks}


def _explained(check: Check, exercise: Exercise, outcomes: Mapping[str, Outcome]) -> Outcome:
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
        return _internal_error(problem)
    status: CheckStatus = "passed" if share >= 1 else "partial" if share > 0 else "failed"
    return Outcome(share, status, judged.reason, judged.hint, is_certain=judged.is_certain)


def _in_words(share: float) -> Judged:
    return Judged(share, "as promised" if share >= 1 else f"reached {share:.0%} of what was asked")


def _internal_error(problem: Exception) -> Outcome:
    return Outcome(
        0.0,
        "skipped",
        "the grader itself failed here; this is not your fault",
        internal_error=traceback.format_exc(),
        lost_fork_server=isinstance(problem, ZygoteGone),
    )


def _end_words(end: WorkerEnded) -> str:
    where = f" in {end.doing}" if end.doing else ""
    return _END_WORDS[end.kind].format(where=where, detail=end.detail)


def _reached(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status in ("passed", "partial")


def _needs_words(exercise: Exercise, missing: list[str]) -> str:
    promises = {check.id: check.promise for check in exercise.checks}
    return f"waits for: {promises[missing[0]]}"
