"""Scores: what they are worth, and that what does not fit is refused rather than broadcast."""

import math

import pytest
import torch

from grader import scores

LOGITS = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 0.0]])  # 0, 1, 0, 0


def test_a_mean_squared_error_is_the_mean_over_the_batch():
    assert scores.mean_squared_error(torch.tensor([[1.0], [4.0]]), torch.tensor([[1.0], [2.0]])) == 2.0
    assert math.isnan(scores.mean_squared_error(torch.tensor([[math.nan]]), torch.ones(1, 1)))


def test_a_correlation_knows_neither_scale_nor_offset():
    x = torch.tensor([1.0, 2.0, 4.0])
    assert scores.correlation(3 * x - 5, x) == pytest.approx(1)
    assert scores.correlation(-x, x) == pytest.approx(-1)
    assert math.isnan(scores.correlation(torch.ones(3), x))


def test_an_accuracy_is_the_share_of_right_answers():
    assert scores.accuracy(LOGITS, torch.tensor([0, 1, 1, 0])) == 0.75
    assert scores.accuracy(LOGITS[None], torch.tensor([[0, 1, 0, 0]])) == 1.0


def test_a_balanced_accuracy_counts_each_class_alike():
    assert scores.balanced_accuracy(LOGITS, torch.tensor([0, 1, 1, 0])) == 0.75  # 2 of 2 and 1 of 2
    assert scores.balanced_accuracy(LOGITS, torch.tensor([0, 0, 0, 1])) == pytest.approx(1 / 3)  # 2 of 3 and 0 of 1
    assert scores.accuracy(LOGITS, torch.tensor([0, 0, 0, 1])) == 0.5


def test_an_exact_match_is_right_in_every_token():
    found = torch.tensor([[3, 4], [3, 5], [6, 4]])
    assert scores.exact_match(found, torch.tensor([[3, 4], [3, 4], [6, 4]])) == pytest.approx(2 / 3)
    assert scores.exact_match(found, found + 1) == 0.0


@pytest.mark.parametrize(
    ("score", "answers", "targets"),
    [
        ("mean_squared_error", (4,), (4, 1)),
        ("correlation", (4,), (4, 1)),
        ("accuracy", (4, 2), (4, 1)),
        ("balanced_accuracy", (4, 2), (1,)),
        ("exact_match", (4, 2), (4, 3)),
        ("exact_match", (4, 2), (1, 2)),
    ],
)
def test_shapes_that_do_not_fit_are_the_author_s_fault(score, answers, targets):
    with pytest.raises(ValueError, match="do not fit"):
        getattr(scores, score)(torch.zeros(answers), torch.zeros(targets))
