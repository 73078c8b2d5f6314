"""Deducts points for late submissions, as set in `[tool.grade.plugins.late_days]`. Does nothing without settings."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from grader.plugin import Adjustment, Grade, HandIn, format_points, hookimpl

_WHERE = "[tool.grade.plugins.late_days]"
_DAY = timedelta(days=1)

_Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Policy(msgspec.Struct, frozen=True):
    """The settings of a course."""

    due: Any = None
    """With a time zone, which also applies to submission times that have none."""
    percent_per_day: _Percent | None = None
    """Percentage of all points per day or part of a day."""
    grace_minutes: Annotated[float, msgspec.Meta(ge=0, le=525_600)] = 0
    """Minutes after the due date that do not count as late."""
    free_days: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The number of late days that cost nothing."""
    at_most_percent: _Percent = 100
    flat_percent: _Percent | None = None
    """For submissions that the download marks as late without a time."""


@hookimpl
def grader_adjustments(grade: Grade, hand_in: HandIn, settings: Mapping[str, Any]) -> Sequence[Adjustment]:
    """At most one adjustment. Raises ValueError for invalid settings."""
    chosen = settings.get("late_days") or {}
    if not chosen:
        return []
    policy, due = _read(chosen)
    when = _time(hand_in.when, due) if due else None
    if due and when:
        return _by_the_day(policy, due, when, grade.max_points)
    if hand_in.late and policy.flat_percent:
        of = f"{_percent(policy.flat_percent)} of {_points(grade.max_points)}"
        return _adjustment(f"submitted late: {of}", policy.flat_percent, grade.max_points)
    return []


def _by_the_day(policy: Policy, due: datetime, when: datetime, most: float) -> list[Adjustment]:
    days = math.ceil((when - due - timedelta(minutes=policy.grace_minutes)) / _DAY)
    charged = days - policy.free_days
    if charged <= 0 or not policy.percent_per_day:
        return []
    wanted = charged * policy.percent_per_day
    taken = min(wanted, policy.at_most_percent)
    reason = f"submitted {_count(days)} late"
    if policy.free_days:
        reason += f", {policy.free_days} of them free"
    reason += f": {_percent(policy.percent_per_day)} of {_points(most)} per day"
    if taken < wanted:
        reason += f", at most {_percent(policy.at_most_percent)}"
    return _adjustment(reason, taken, most)


def _adjustment(reason: str, percent: float, most: float) -> list[Adjustment]:
    points = round(percent / 100 * most, 2)
    return [Adjustment(reason, -points)] if points else []


def _read(chosen: Mapping[str, Any]) -> tuple[Policy, datetime | None]:
    """The settings and the due date. Raises ValueError with a one-line message if they are invalid."""
    if unknown := sorted(set(chosen) - set(Policy.__struct_fields__)):
        raise ValueError(f"{_WHERE}: unknown setting '{unknown[0]}'; available: {', '.join(Policy.__struct_fields__)}")
    try:
        policy = msgspec.convert(chosen, Policy)
    except msgspec.ValidationError as error:
        expected, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`")
        raise ValueError(f"{_WHERE}: {key} is {chosen[key]!r}: {expected[:1].lower()}{expected[1:]}") from None
    if policy.due is None:
        if policy.percent_per_day is not None:
            raise ValueError(f'{_WHERE}: percent_per_day needs a due date: due = "2026-11-20T23:59:00+01:00"')
        if policy.flat_percent is None:
            raise ValueError(f"{_WHERE}: neither due nor flat_percent is set, so no points would be deducted")
        return policy, None
    if policy.percent_per_day is None:
        raise ValueError(f"{_WHERE}: due is set, but percent_per_day is not")
    try:
        due = policy.due if isinstance(policy.due, datetime) else datetime.fromisoformat(policy.due)
    except (TypeError, ValueError):
        raise ValueError(
            f"{_WHERE}: due is '{policy.due}', expected a time such as 2026-11-20T23:59:00+01:00"
        ) from None
    if due.tzinfo is None:
        raise ValueError(
            f"{_WHERE}: due is '{policy.due}' without a time zone; write 2026-11-20T23:59:00+01:00 or ...Z"
        )
    return policy, due


def _time(when: str | None, due: datetime) -> datetime | None:
    """The time of submission; None if it cannot be read, since students can set the date of a commit."""
    try:
        time = datetime.fromisoformat(when or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=due.tzinfo)


def _count(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _percent(percent: float) -> str:
    return f"{format_points(percent)} %"


def _points(points: float) -> str:
    return "1 point" if points == 1 else f"{format_points(points)} points"
