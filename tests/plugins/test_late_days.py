"""Points off for being late: what a day costs, what is free, and settings that will not do."""

import itertools
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.records.grade import Adjustment, Grade, HandIn

DUE = "2026-11-20T23:59:00+01:00"
DAILY = {"due": DUE, "percent_per_day": 10}


def graded(points=15.0, most=20.0):
    return Grade(1, "ada", "graded", None, points, most, 100 * points / most, "cpu", "strong", 7, 1.0, [], [])


@pytest.fixture
def adjust(course):
    """The engine's own call: all plugins are asked, only this one answers."""

    def ask(settings, when=None, *, late=False, most=20.0):
        hand_in = HandIn("ada", "Ada", when, late)
        answers = course.hooks.grader_adjustments(
            grade=graded(most=most), hand_in=hand_in, settings={} if settings is None else {"late_days": settings}
        )
        return [adjustment for answer in answers for adjustment in answer]

    return ask


def test_nothing_set_nothing_done(adjust):
    assert adjust(None, "2027-01-01T00:00:00Z", late=True) == []
    assert adjust({}, "2027-01-01T00:00:00Z", late=True) == []


@pytest.mark.parametrize(
    "when, points, days",
    [
        ("2026-11-20T23:59:00+01:00", 0, ""),
        ("2026-11-20T23:59:01+01:00", -2, "1 day"),
        ("2026-11-21T23:59:00+01:00", -2, "1 day"),
        ("2026-11-21T23:59:01+01:00", -4, "2 days"),
        ("2026-11-22T12:00:00+01:00", -4, "2 days"),
        ("2026-11-21T22:59:00Z", -2, "1 day"),
        ("2026-11-21T22:59:01Z", -4, "2 days"),
        ("2026-11-21 23:59:00", -2, "1 day"),  # without a zone: the due date's
        ("2026-11-21 23:59:01", -4, "2 days"),
    ],
)
def test_each_day_begun_costs(adjust, when, points, days):
    found = adjust(DAILY, when)
    expected = [Adjustment(f"submitted {days} late: 10 % of 20 points per day", points)] if points else []
    assert found == expected


def test_a_due_date_may_be_written_as_toml_knows_it(adjust):
    due = datetime(2026, 11, 20, 23, 59, tzinfo=timezone(timedelta(hours=1)))
    assert adjust({"due": due, "percent_per_day": 10}, "2026-11-22T12:00:00+01:00")[0].points == -4


def test_grace_moves_the_due_date(adjust):
    settings = {**DAILY, "grace_minutes": 15}
    assert adjust(settings, "2026-11-21T00:14:00+01:00") == []
    assert adjust(settings, "2026-11-21T00:14:01+01:00")[0].points == -2
    assert adjust(settings, "2026-11-22T00:14:00+01:00")[0].points == -2


def test_free_days_cost_nothing_and_are_told(adjust):
    settings = {**DAILY, "free_days": 2}
    assert adjust(settings, "2026-11-22T23:00:00+01:00") == []
    assert adjust(settings, "2026-11-23T23:00:00+01:00") == [
        Adjustment("submitted 3 days late, 2 of them free: 10 % of 20 points per day", -2)
    ]


def test_there_is_an_end_to_it(adjust):
    [most] = adjust({**DAILY, "at_most_percent": 25}, "2026-11-30T00:00:00+01:00")
    assert most == Adjustment("submitted 10 days late: 10 % of 20 points per day, at most 25 %", -5)
    [all_of_it] = adjust(DAILY, "9999-12-31T00:00:00Z")
    assert all_of_it.points == -20


def test_a_download_that_only_says_late(adjust):
    flat = {"flat_percent": 12.5}
    assert adjust(flat, late=True) == [Adjustment("submitted late: 12.5 % of 20 points", -2.5)]
    assert adjust(flat, late=False) == []
    both = {**DAILY, **flat}
    assert adjust(both, late=True) == [Adjustment("submitted late: 12.5 % of 20 points", -2.5)]
    assert adjust(both, "2026-11-20T12:00:00+01:00", late=True) == []  # the time is better evidence than a word
    assert adjust(DAILY, late=True) == []


def test_a_time_that_nobody_can_read_stops_no_batch(adjust):
    """A commit's date is in its author's hands."""
    for when in ("yesterday", "99999-01-01T00:00:00Z", "", "2026-13-01"):
        assert adjust(DAILY, when) == []
        assert adjust({**DAILY, "flat_percent": 5}, when, late=True)[0].points == -1


def test_nothing_is_taken_from_nothing(adjust):
    assert adjust(DAILY, "2026-12-20T00:00:00Z", most=0.0001) == []


@given(st.datetimes(), st.integers(0, 100), st.floats(0, 100), st.integers(0, 9))
def test_never_more_than_the_cap_and_never_a_gain(course, when, cap, percent, free):
    settings = {"due": DUE, "percent_per_day": percent, "at_most_percent": cap, "free_days": free}
    answers = course.hooks.grader_adjustments(
        grade=graded(), hand_in=HandIn("a", "", when.isoformat(), False), settings={"late_days": settings}
    )
    for adjustment in itertools.chain(*answers):
        assert -20 * cap / 100 - 0.005 <= adjustment.points < 0
        assert "\n" not in adjustment.reason


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"percent_per_day": 10}, "percent_per_day needs a due date"),
        ({"due": DUE}, "percent_per_day is not"),
        ({"free_days": 2}, "neither due nor flat_percent"),
        ({**DAILY, "due": "on Friday"}, "due is 'on Friday', expected a time such as"),
        ({**DAILY, "due": "2026-11-20T23:59:00"}, "without a time zone"),
        ({**DAILY, "due": date(2026, 11, 20)}, "due is '2026-11-20', expected a time such as"),
        ({**DAILY, "due": 5}, "due is '5', expected a time such as"),
        ({**DAILY, "percent_per_day": -1}, "percent_per_day is -1: expected `float` >= 0"),
        ({**DAILY, "percent_per_day": float("nan")}, "percent_per_day"),
        ({**DAILY, "at_most_percent": 101}, "at_most_percent"),
        ({**DAILY, "grace_minutes": float("inf")}, "grace_minutes"),
        ({**DAILY, "free_days": 1.5}, "free_days is 1.5: expected `int`, got `float`"),
        ({**DAILY, "percent_per_week": 5}, "unknown setting 'percent_per_week'; available: due, percent_per_day, "),
    ],
)
def test_settings_that_will_not_do_are_told_in_one_line(adjust, settings, said):
    with pytest.raises(ValueError) as told:
        adjust(settings, "2026-11-22T12:00:00Z")
    assert said in str(told.value)
    assert str(told.value).startswith("[tool.grade.plugins.late_days]: ")
    assert "\n" not in str(told.value)
