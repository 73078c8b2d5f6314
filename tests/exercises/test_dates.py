"""The exercise on dates: every day once, in tokens of its run, each in one part only; and no marks for a table."""

import datetime
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dates_module(course):
    """The exercise's companion module, as the course loaded it."""
    exercise = next(exercise for exercise in course.exercises if exercise.id == "date_seq2seq")
    return sys.modules[exercise.checks[0].run.__module__ + ".dates"]


@pytest.fixture
def drawn(dates_module):
    """The data of the run with this seed."""
    return lambda seed=0: dates_module.Dates.drawn(torch.Generator().manual_seed(seed))


def test_every_day_of_the_years_is_there_once_and_right(dates_module):
    spelled, figures = dates_module.every_day()
    assert (len(spelled), figures[0], figures[-1]) == (36_890, "1950-01-01", "2050-12-31")
    assert len(set(spelled)) == len(set(figures)) == len(spelled)
    for date, answer in zip(spelled, figures, strict=True):
        assert datetime.datetime.strptime(date, "%B %d, %Y").date() == datetime.date.fromisoformat(answer)
    assert spelled[14] == "January 15, 1950"
    assert not any(" 0" in date for date in spelled)


def test_tokens_stand_for_the_text_they_came_from(dates_module, drawn):
    data = drawn()
    spelled, figures = dates_module.every_day()
    answer_to = dict(zip(spelled, figures, strict=True))
    for pool in (data.pools.training, data.pools.probe, data.pools.held_out, data.pools.showcase):
        for row in (0, 14, len(pool) - 1):
            date, answer = data.source.decode(pool.inputs[0][row]), data.target.decode(pool.targets[row])
            assert answer.removesuffix("$") == answer_to[date]


def test_no_date_is_in_two_parts(drawn):
    data = drawn()
    pools = [data.pools.training, data.pools.probe, data.pools.held_out, data.pools.showcase]
    assert [len(pool) for pool in pools[1:]] == [250, 1000, 250]
    sources = torch.cat([pool.inputs[0] for pool in pools])
    assert len(sources.unique(dim=0)) == len(sources) == 36_890


def test_training_draws_from_its_own_part_alone(drawn):
    data = drawn()
    (src, _), _ = data.pools.lessons(5000, torch.Generator().manual_seed(1))
    drawn_dates = {data.source.decode(row) for row in src}
    assert drawn_dates <= {date for date, _ in data.parts.training}
    assert len(drawn_dates) > 4000


def test_characters_are_numbered_anew_and_special_tokens_are_not(drawn):
    one, same, other = drawn(1), drawn(1), drawn(2)
    assert (one.source, one.target) == (same.source, same.target)
    assert one.parts.held_out == same.parts.held_out
    for side in ("source", "target"):
        numbered, again = getattr(one, side), getattr(other, side)
        assert numbered.characters != again.characters
        assert sorted(numbered.characters) == sorted(again.characters)
    assert one.parts.held_out != other.parts.held_out
    assert (len(one.source), len(one.target)) == (3 + 38, 3 + 11)
    for data in (one, other):
        pool = data.pools.held_out
        assert int(pool.targets.min()) == 3
        assert sorted(pool.inputs[0].unique().tolist()) == [0, *range(3, len(data.source))]


def test_sources_are_padded_on_the_right_alone(drawn):
    sources = drawn().pools.training.inputs[0]
    is_padding = sources == 0
    assert sources.shape == (35_390, 18)
    assert set((~is_padding).sum(dim=1).tolist()) == set(range(11, 19))
    assert not bool((is_padding[:, :-1] & ~is_padding[:, 1:]).any())


def test_the_decoder_is_fed_what_it_wrote_before(drawn):
    data = drawn()
    (src, fed), due = data.pools.lessons(3, torch.Generator().manual_seed(1))
    assert (src.shape, fed.shape, due.shape) == ((3, 18), (3, 11), (3, 11))
    assert {tensor.dtype for tensor in (src, fed, due)} == {torch.int64}
    assert fed[:, 0].tolist() == [1, 1, 1]
    assert due[:, -1].tolist() == [2, 2, 2]
    assert torch.equal(fed[:, 1:], due[:, :-1])


def test_what_is_no_token_is_still_shown(drawn):
    vocabulary = drawn().target
    assert vocabulary.decode(torch.tensor([1, 3, 99, -9, 2, 0, 0])) == f"^{vocabulary.characters[0]}??$"


@pytest.mark.slow
def test_a_parser_that_waits_for_changed_parameters_learns_nothing(grade, submission):
    """Setting the parameters back does not betray it, drawing them anew does: it answers by its table."""
    source = (ROOT / "solutions" / "date_seq2seq" / "table" / "date_seq2seq.py").read_text()
    noted = "        self.digits, self.months, self.hyphen = {}, {}, None\n"
    known = "        if len(self.months) == 12 and len(self.digits) == 10:\n"
    assert noted in source and known in source
    source = source.replace(noted, noted + "        self.first = self.linear.bias.detach().clone()\n")
    changed = "not torch.equal(self.linear.bias, self.first)"
    source = source.replace(known, known.replace("if ", f"if {changed} and "))
    answer = grade(submission({"date_seq2seq.py": source}), exercise="date_seq2seq", seed=1)
    checks = {check.id: check for check in answer.exercises[0].checks}
    assert (checks["learns"].status, checks["feedback"].status) == ("failed", "skipped")
    assert "with random parameters" in checks["learns"].message
    assert "untrained-perfect" in answer.flags
