"""Untrained models with other parameters: what they show, and what of it a bounded answer hides."""

import pytest
import torch

from grader import StudentRaised, Unmet
from grader.probes import (
    expect_every_step_reached,
    expect_unbounded,
    redraw_parameters,
    shake_parameters,
    untrained,
)

LAST = "self.layer(self.rnn(x)[0][:, -1])"
X = torch.rand(16, 6, 2, generator=torch.Generator().manual_seed(6))
ZERO_HEAD = "nn.init.zeros_(self.layer.weight); nn.init.zeros_(self.layer.bias)"


def test_a_last_layer_that_starts_at_zero_hides_nothing_once_it_is_moved(student):
    seen = student(LAST, ZERO_HEAD)
    with pytest.raises(Unmet, match="no gradient reaches 6 of 6"):
        expect_every_step_reached(seen.build("Model"), X)
    expect_every_step_reached(untrained(seen, "Model", inputs=(X,)), X)
    with pytest.raises(Unmet, match="no gradient reaches 6 of 6"):
        expect_every_step_reached(untrained(seen, "Model", inputs=(X,), shake=0.0), X)


def test_lazy_layers_have_their_parameters_before_they_are_moved(student):
    model = untrained(student("self.layer(x[:, -1])", "self.layer = nn.LazyLinear(1)"), "Model", inputs=(X,))
    assert model.parameters()["layer.weight"].shape == (1, 2)


def test_parameters_are_moved_by_as_much_as_was_said(student):
    seen = student(LAST, "self.large = nn.Linear(100, 100)")
    model = seen.build("Model")
    before = model.weights()
    shake_parameters(model, seen.generator, 0.3)
    moved = model.weights() - before
    assert float(moved.std()) == pytest.approx(0.3, rel=0.05)
    assert bool((moved != 0).all())


def test_what_the_model_raises_is_raised(student):
    with pytest.raises(StudentRaised):
        untrained(student("self.layer(x)"), "Model", inputs=(torch.rand(2, 3, 7),))


def test_parameters_are_drawn_again_all_of_them_or_those_of_zeros_alone(student):
    seen = student(LAST, ZERO_HEAD)
    model = seen.build("Model")
    before = model.parameters()
    assert redraw_parameters(model, seen.generator, 0.3, zeros_only=True)
    changed = {name for name, value in model.parameters().items() if not torch.equal(value, before[name])}
    assert changed == {"layer.weight", "layer.bias"}
    assert not redraw_parameters(model, seen.generator, 0.3, zeros_only=True)
    before = model.parameters()
    assert redraw_parameters(model, seen.generator, 10.0)
    after = model.parameters()
    assert not any(torch.equal(value, before[name]) for name, value in after.items())
    assert float(torch.cat([value.flatten() for value in after.values()]).std()) == pytest.approx(10, rel=0.3)


@pytest.mark.parametrize("reach", ["both", "above", "either"])
@pytest.mark.parametrize("answer", [LAST, "x.sum((1, 2))[:, None] * self.layer.bias.exp().exp()"])
def test_what_nothing_bounds_is_unbounded_and_so_is_what_overflows(student, answer, reach):
    seen = student(answer)
    expect_unbounded(seen.build("Model"), (X,), seen.generator, reach=reach)


@pytest.mark.parametrize(
    ("answer", "reach", "reason"),
    [
        (f"torch.tanh({LAST})", "both", "whatever its parameters are, the answer stays between -1 and 1"),
        (f"torch.relu({LAST})", "both", "whatever its parameters are, the answer stays between 0 and "),
        (f"torch.sigmoid({LAST})", "above", "whatever its parameters are, the answer does not exceed 1"),
        (f"-torch.relu({LAST})", "above", "whatever its parameters are, the answer does not exceed 1"),
        (f"torch.tanh({LAST})", "either", "whatever its parameters are, no answer exceeds 1"),
    ],
)
def test_what_is_squashed_is_bounded(student, answer, reach, reason):
    seen = student(answer)
    with pytest.raises(Unmet) as unmet:
        expect_unbounded(seen.build("Model"), (X,), seen.generator, reach=reach)
    assert unmet.value.reason.startswith(reason)
    assert "Leave the last layer without a" in unmet.value.hint
    with pytest.raises(Unmet) as unmet:
        expect_unbounded(seen.build("Model"), (X,), seen.generator, reach=reach, hint="Read on.")
    assert unmet.value.hint == "Read on."


@pytest.mark.parametrize(
    ("answer", "reach"), [("torch.relu", "above"), ("torch.relu", "either"), ("-torch.relu", "either")]
)
def test_one_side_may_be_enough(student, answer, reach):
    seen = student(f"{answer}({LAST})")
    expect_unbounded(seen.build("Model"), (X,), seen.generator, reach=reach)


def test_a_bound_may_lie_elsewhere(student):
    seen = student(f"3 * torch.tanh({LAST})")
    expect_unbounded(seen.build("Model"), (X,), seen.generator)
    with pytest.raises(Unmet, match="between -3 and 3"):
        expect_unbounded(seen.build("Model"), (X,), seen.generator, beyond=3.03)


def test_answers_are_read_as_the_exercise_says(student):
    seen = student("self.rnn(x)[0][:, -1]")  # (B, 4), and no column
    with pytest.raises(Unmet, match="shape"):
        expect_unbounded(seen.build("Model"), (X,), seen.generator)
    with pytest.raises(Unmet, match="no answer exceeds 1"):
        expect_unbounded(seen.build("Model"), (X,), seen.generator, reach="either", read=lambda found: found)


def test_a_model_without_parameters_is_not_judged_by_them(student):
    seen = student("torch.tanh(x.sum((1, 2)))", "del self.rnn, self.layer, self.wide")
    expect_unbounded(seen.build("Model"), (X,), seen.generator)
