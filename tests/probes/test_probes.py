"""Behaviour probes that exercises share, each asked of models that keep its promise and of models that break it."""

import pytest
import torch

from grader import Unmet
from grader.probes import (
    are_probabilities,
    expect_column,
    expect_every_step_reached,
    expect_numbers,
    expect_recurrent_step,
    expect_repeatable,
    expect_uniform,
    gradient_by_step,
    input_gradient,
    near,
)

LAST = "self.layer(self.rnn(x)[0][:, -1])"


def x_of(steps, count=4):
    return torch.rand(count, steps, 2, generator=torch.Generator().manual_seed(steps))


def test_near_is_false_for_nan_and_for_other_shapes():
    assert near(torch.ones(3), torch.ones(3) + 5e-5)
    assert not near(torch.ones(3), torch.ones(3) + 2e-4)
    assert near(torch.ones(3), torch.ones(3), 0.0)
    assert not near(torch.full((3,), torch.nan), torch.ones(3))
    assert not near(torch.ones(3, 1), torch.ones(3))


def test_probabilities_are_told_from_logits():
    logits = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    assert are_probabilities(logits.softmax(2))
    assert are_probabilities(logits.softmax(2).double())
    for other in (
        torch.tensor([[2.0, -1.0]]),
        logits,
        logits.log_softmax(2),
        logits.abs(),
        logits.softmax(1),
        logits.softmax(2) * torch.nan,
    ):
        assert not are_probabilities(other)


def test_a_column_is_flat_or_has_one_column():
    assert expect_column(torch.ones(3, 1), 3).shape == (3,)
    assert expect_column(torch.ones(3), 3).dtype == torch.float64
    for wrong in (torch.ones(3, 2), torch.ones(4), torch.ones(1, 3), torch.ones(3, dtype=torch.int64), None, [1.0]):
        with pytest.raises(Unmet, match="the sum"):
            expect_column(wrong, 3, "the sum")


@pytest.mark.parametrize("answer", [LAST, "h = x[:, 0]\nfor x_t in x.unbind(1): h = torch.tanh(h + x_t)\nreturn h"])
def test_a_recurrent_step_is_seen(student, answer):
    seen = student(answer)
    expect_recurrent_step(seen, seen.build("Model"), (x_of(3),), (x_of(9),))
    assert seen._attempt.flags == set()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("self.wide(x.sum(1))", "selected or summed"),
        ("self.wide(x[:, 0])", "selected or summed"),
        ("self.wide(x).softmax(1).sum(1)", "Attention over the raw sequence"),
        ("x.prod(2).sum(1, keepdim=True)", "This is a formula"),
    ],
)
def test_what_is_not_repeated_is_flagged(student, answer, words):
    seen = student(answer)
    with pytest.raises(Unmet, match="nothing is carried") as unmet:
        expect_recurrent_step(seen, seen.build("Model"), (x_of(3),), (x_of(9),))
    assert words in unmet.value.hint
    assert seen._attempt.flags == {"no-recurrence"}


def test_gradients_reach_every_step(student):
    model = student(LAST).build("Model")
    expect_every_step_reached(model, x_of(40))
    assert input_gradient(model, x_of(5)).shape == (4, 5, 2)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            "self.layer(self.rnn(x[:, 2:])[0][:, -1])",
            "reaches 2 of 6 steps, the first of them step 0: the answer does not",
        ),
        ("self.layer(self.rnn(x.detach())[0][:, -1])", "reaches 6 of 6 steps, the first of them step 0, though"),
        ("self.layer(self.rnn(torch.cat([x[:, :3].detach(), x[:, 3:]], 1))[0][:, -1])", "reaches 3 of 6 steps"),
    ],
)
def test_steps_that_no_gradient_reaches_are_counted(student, answer, words):
    with pytest.raises(Unmet) as unmet:
        expect_every_step_reached(student(answer).build("Model"), x_of(6))
    assert words in unmet.value.reason
    assert ("detach" in unmet.value.hint) == ("though" in unmet.value.reason)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("self.layer(self.rnn(x[:, 2:])[0][:, -1])", "Only the last 4 steps are read"),
        ("self.layer(self.rnn(x[:, :2])[0][:, -1])", "Only the first 2 steps are read"),
        ("self.layer(self.rnn(x[:, ::2])[0][:, -1])", "Some steps are left out"),
        ("self.layer(self.rnn(x[:, -1:])[0][:, -1])", "not only the last step"),
        ("for x_t in x.unbind(1): h = self.rnn(x_t[:, None])[1]\nreturn self.layer(h[0])", "is reset at every step"),
        ("self.layer(self.rnn(x.transpose(0, 1))[0].transpose(0, 1)[:, -1])", "treats the batch axis as time"),
    ],
)
def test_what_is_not_read_is_told_by_which_steps_these_are(student, answer, words):
    with pytest.raises(Unmet, match="does not depend on them") as unmet:
        expect_every_step_reached(student(answer).build("Model"), x_of(6))
    assert words in unmet.value.hint


def test_numbers_are_floating_point_finite_and_shaped():
    assert expect_numbers(torch.ones(2, 3), (2, 3), "x").dtype == torch.float64
    for wrong in (torch.ones(3, 2), torch.ones(2, 3, dtype=torch.int64), torch.full((2, 3), torch.nan), None):
        with pytest.raises(Unmet, match="x "):
            expect_numbers(wrong, (2, 3), "x")


@pytest.mark.parametrize("count", [1000, 5000])
def test_numbers_of_torch_rand_are_uniform_and_others_are_not(count):
    values = torch.rand(count // 10, 10, generator=torch.Generator().manual_seed(1))
    expect_uniform(values, "feature 0")
    for other, words in (
        (2 * values - 0.5, "goes from -0.[45]. to 1.[45]., expected"),
        (values.square(), "not uniform"),
        (values / 2, "not uniform"),
        (torch.full_like(values, 0.5), "not uniform"),
    ):
        with pytest.raises(Unmet, match=words):
            expect_uniform(other, "feature 0")


def test_a_gradient_by_step_has_its_own_size_and_is_zero_where_none_arrives(student):
    half = "x[:, 0, :1] + 0.5 * x[:, 2, :1].square() + 0 * self.layer(self.rnn(x)[0][:, -1])"
    found = gradient_by_step(student(half).build("Model"), torch.ones(4, 3, 2))
    assert near(found, torch.tensor([0.5, 0.0, 0.5]).double(), 1e-6)  # each the mean over two features
    assert not gradient_by_step(student("self.layer(self.rnn(x.detach())[0][:, -1])").build("Model"), x_of(6)).any()
    with pytest.raises(Unmet, match="None"):
        gradient_by_step(student("None").build("Model"), x_of(6))


def test_an_answer_that_is_no_tensor_has_no_gradient(student):
    with pytest.raises(Unmet, match="None"):
        expect_every_step_reached(student("None").build("Model"), x_of(6))


def test_the_same_answers_again_are_repeatable(student):
    model = student(f"torch.dropout({LAST}, 0.5, self.training)").build("Model")
    expect_repeatable(model, x_of(6))
    with pytest.raises(Unmet, match="asked twice"):
        expect_repeatable(model, x_of(6), method="other")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (f"{LAST} + torch.rand(1)", "asked twice, the number differs: The answer is random"),
        (f"{LAST} + self.calls", "asked twice, the number differs: It remembers the previous call"),
        (f"torch.dropout({LAST}, 0.5, True)", "asked twice, the number differs: The answer is random"),
        (f"{LAST} - ({LAST}).mean(0)", "the number to one sequence depends on its neighbours in the batch: A mean"),
        (f"({LAST})[x[:, 0, 0].argsort()]", "neighbours in the batch: The answers are in a different order"),
        (
            "self.layer(self.rnn(x.transpose(0, 1))[0].transpose(0, 1)[:, -1])",
            "neighbours in the batch: It treats the batch axis as time",
        ),
        (f"({LAST})[:1]", "neighbours"),
        (f"({LAST}) * float('nan')", "asked twice, the number differs: It is NaN or infinite"),
        (f"({LAST} + 9 * torch.rand(1)).long()", "asked twice, the number differs: Do not sample"),
        ("None", "asked twice"),
    ],
)
def test_what_depends_on_more_than_its_row_is_not(student, answer, words):
    """And why is told, by what was measured."""
    with pytest.raises(Unmet) as unmet:
        expect_repeatable(student(answer).build("Model"), x_of(6), name="the number")
    assert words in f"{unmet.value.reason}: {unmet.value.hint}"
    assert unmet.value.explains


@pytest.mark.parametrize(
    ("init", "words"),
    [
        ("if Model.built: raise ValueError('once')\n        Model.built = True", "Or: it remembers the previous call"),
        ("self.large = nn.Parameter(torch.zeros(6_000_000))", "Or: it remembers the previous call"),
    ],
)
def test_where_it_cannot_be_told_what_answers_hang_on_both_are_said(student, init, words):
    """Such as for a model that is built only once, or is too large to be built again."""
    seen = student(f"{LAST} + torch.rand(1)", init)
    with pytest.raises(Unmet, match="asked twice") as unmet:
        expect_repeatable(seen.build("Model"), x_of(6))
    assert words in unmet.value.hint
