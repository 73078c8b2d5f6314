"""The loop inside the jail is the textbook's: optimizers, schedules and clipping written out once more."""

import math

import pytest
import torch
from torch import nn

from grader.jail.inside.training import Trainer, measure_loss, one_shape
from grader.jail.shared.messages import StartTraining

STEPS, BATCH = 20, 4


class Small(nn.Module):
    """Two layers with a bend between them."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.first, self.second = nn.Linear(3, 5), nn.Linear(5, 1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


class Constant(nn.Module):
    """One number, whatever comes in."""

    def __init__(self, start=0.0, shape=(1,)):
        super().__init__()
        self.value = nn.Parameter(torch.full(shape, start))

    def forward(self, x):
        return self.value.sum().expand(len(x), 1)


def trainer(model, *, loss="mse", optimizer="adam", lr=0.05, weight_decay=0.0, momentum=0.0, clip_norm=1.0, **others):
    how = {"schedule": "constant", "steps": STEPS, **others}
    request = StartTraining(0, loss, optimizer, lr, weight_decay, momentum, clip_norm, how["schedule"], how["steps"])
    return Trainer(model, list(model.parameters()), request)


def batches(count=STEPS, seed=1):
    """Small regression problems with targets far away, so that gradients are large."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        x = torch.randn(BATCH, 3, generator=generator)
        yield [x], 3 * x.sum(1, keepdim=True) + 1


def far(count):
    """Targets so far away that a clipped gradient has the norm 1."""
    return [([torch.zeros(2, 1)], torch.full((2, 1), 1e6))] * count


# Optimizers: each rule as its inventors wrote it.


def adam(p, g, state, t, lr, decay, momentum):
    g = g + decay * p
    m = state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
    v = state["v"] = 0.999 * state.get("v", 0) + 0.001 * g**2
    return p - lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)


def adamw(p, g, state, t, lr, decay, momentum):
    return adam(p - lr * decay * p, g, state, t, lr, 0.0, momentum)


def sgd(p, g, state, t, lr, decay, momentum):
    g = g + decay * p
    b = state["b"] = momentum * state["b"] + g if "b" in state else g
    return p - lr * b


def rmsprop(p, g, state, t, lr, decay, momentum):
    g = g + decay * p
    v = state["v"] = 0.99 * state.get("v", 0) + 0.01 * g**2
    b = state["b"] = momentum * state.get("b", 0) + g / (v.sqrt() + 1e-8)
    return p - lr * b


def textbook(rule, *, lr, decay, momentum, clip_norm):
    """The same training written out, in double precision; parameters, losses, norms."""
    model = Small().double()
    parameters = list(model.parameters())
    states = [{} for _ in parameters]
    losses, norms = [], []
    for t, ([x], y) in enumerate(batches(), 1):
        loss = ((model(x.double()) - y.double()) ** 2).mean()
        gradients = torch.autograd.grad(loss, parameters)
        norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
        factor = 1.0 if clip_norm is None else min(1.0, clip_norm / (norm + 1e-6))
        with torch.no_grad():
            for p, g, state in zip(parameters, gradients, states, strict=True):
                p.copy_(rule(p.clone(), factor * g, state, t, lr, decay, momentum))
        losses.append(loss.item())
        norms.append(norm)
    return parameters, losses, norms


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize(
    ("rule", "lr", "decay", "momentum"),
    [
        (adam, 0.05, 0.0, 0.0),
        (adam, 0.05, 0.1, 0.9),
        (adamw, 0.05, 0.0, 0.0),
        (adamw, 0.05, 0.1, 0.9),
        (sgd, 0.01, 0.0, 0.0),
        (sgd, 0.003, 0.1, 0.9),
        (rmsprop, 0.01, 0.0, 0.0),
        (rmsprop, 0.003, 0.1, 0.9),
    ],
)
def test_twenty_steps_are_the_textbooks(rule, lr, decay, momentum, clip_norm):
    """In one go or in chunks; losses and norms, before clipping, are what was seen. Momentum is nothing to Adam."""
    parameters, losses, norms = textbook(rule, lr=lr, decay=decay, momentum=momentum, clip_norm=clip_norm)
    assert clip_norm is None or max(norms) > 2, "nothing was clipped"
    options = {"lr": lr, "weight_decay": decay, "momentum": momentum, "clip_norm": clip_norm}
    for sizes in ([STEPS], [7, 7, 6]):
        model = Small()
        training, stream = trainer(model, optimizer=rule.__name__, **options), batches()
        parts = [training.train(next(stream) for _ in range(size)) for size in sizes]
        assert [loss for part in parts for loss in part.losses] == pytest.approx(losses, rel=1e-3)
        assert [norm for part in parts for norm in part.gradient_norms] == pytest.approx(norms, rel=1e-3)
        for got, wanted in zip(model.parameters(), parameters, strict=True):
            assert torch.allclose(got.double(), wanted, rtol=1e-3, atol=1e-4)


def test_the_model_is_trained_in_train_mode():
    model = Small().eval()
    seen = []
    model.register_forward_pre_hook(lambda module, _: seen.append(module.training))
    trainer(model).train(batches(3))
    assert seen == [True] * 3


def test_parameters_without_a_gradient_are_left_alone():
    """Unused, or frozen while training."""
    model = Small()
    model.unused = nn.Parameter(torch.ones(2))
    for clip_norm in (None, 1.0):
        trainer(model, clip_norm=clip_norm).train(batches(3))
    assert torch.equal(model.unused.detach(), torch.ones(2))


def test_a_loss_that_depends_on_no_parameter_changes_none():
    """It is no exception of torch's that nobody understands: that nothing changed is told outside."""

    class Detached(Small):
        def forward(self, x):
            return super().forward(x).detach()

    for clip_norm in (None, 1.0):
        model = Detached()
        seen = trainer(model, clip_norm=clip_norm).train(batches(3))
        assert len(seen.losses) == 3
        assert None not in seen.losses
        assert seen.gradient_norms == [0.0] * 3
        for now, before in zip(model.parameters(), Small().parameters(), strict=True):
            assert torch.equal(now, before)


# Schedules and clipping: with a clipped gradient of norm 1, each step of SGD is as long as the learning rate.


def rates(schedule, steps, count=None):
    """How far each step goes, of a rate of 0.5."""
    model = Constant()
    training = trainer(model, optimizer="sgd", lr=0.5, schedule=schedule, steps=steps)
    found = []
    for batch in far(count or steps):
        before = model.value.item()
        training.train([batch])
        found.append(model.value.item() - before)
    return found


@pytest.mark.parametrize("steps", [1, 2, 4, 10, 40, 41])
def test_schedules_over_the_steps_of_the_recipe(steps):
    """Constant; cosine towards zero; a tenth from one half on, a hundredth from three quarters on."""
    cosine = [0.25 * (1 + math.cos(math.pi * t / steps)) for t in range(steps)]
    tenths = [0.5 if t < steps / 2 else 0.05 if t < 3 * steps / 4 else 0.005 for t in range(steps)]
    assert rates("constant", steps) == pytest.approx([0.5] * steps, rel=1e-4)
    assert rates("cosine", steps) == pytest.approx(cosine, rel=1e-4, abs=1e-5)
    assert rates("step", steps) == pytest.approx(tenths, rel=1e-4, abs=1e-5)


def test_cosine_ends_at_zero_and_stays_there():
    assert rates("cosine", 4, count=7)[4:] == pytest.approx([0.0] * 3, abs=1e-6)


@pytest.mark.parametrize(("clip_norm", "length"), [(1.0, 1.0), (0.25, 0.25), (1e9, 2e6), (None, 2e6)])
def test_gradients_are_scaled_down_to_the_norm_and_never_up(clip_norm, length):
    """The norm that is told is the one before clipping."""
    model = Constant()
    seen = trainer(model, optimizer="sgd", lr=1.0, clip_norm=clip_norm).train(far(1))
    assert model.value.item() == pytest.approx(length, rel=1e-4)
    assert seen.gradient_norms == [pytest.approx(2e6)]


def test_the_norm_is_that_of_all_parameters_together():
    model = Constant(shape=(4,))
    trainer(model, optimizer="sgd", lr=1.0).train(far(1))
    assert model.value.tolist() == pytest.approx([0.5] * 4, rel=1e-4)


# What is not a number.


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_what_is_not_a_number_is_told_as_none(bad, clip_norm):
    """From the step on at which it appeared; the loop goes on."""
    model = Constant()
    good = ([torch.zeros(2, 1)], torch.ones(2, 1))
    seen = trainer(model, clip_norm=clip_norm).train([good, ([torch.zeros(2, 1)], torch.full((2, 1), bad)), good])
    assert [loss is None for loss in seen.losses] == [False, True, True]
    assert [norm is None for norm in seen.gradient_norms] == [False, True, True]
    assert seen.losses[0] == 1.0
    assert seen.gradient_norms[0] == 2.0


def test_an_explosion_ends_as_none():
    seen = trainer(Small(), optimizer="sgd", lr=1e30, clip_norm=None).train(batches())
    assert seen.losses[0] is not None
    assert seen.losses[-1] is None


# One shape.

Y = torch.tensor([[0.0], [1.0], [5.0]])


@pytest.mark.parametrize("predictions", [(3,), (3, 1)])
@pytest.mark.parametrize("targets", [(3,), (3, 1)])
def test_predictions_and_targets_meet_in_one_shape(predictions, targets):
    """(B,) minus (B, 1) would be (B, B), a loss that teaches the mean."""
    p, y = torch.arange(3.0).reshape(predictions), Y.reshape(targets)
    assert one_shape(p, y).shape == y.shape
    assert measure_loss("mse", p, y).item() == pytest.approx(9 / 3)
    assert measure_loss("mse", Y.reshape(predictions), y).item() == 0


@pytest.mark.parametrize("shape", [(3, 8, 1), (3, 2), (1, 3), (), (1,), (4,), (2, 1), (0,), (1, 3, 1)])
def test_predictions_of_another_size_are_refused(shape):
    with pytest.raises(ValueError) as raised:
        one_shape(torch.zeros(shape), Y)
    assert str(shape) in str(raised.value)
    assert "(3, 1)" in str(raised.value)


def test_the_loop_refuses_a_prediction_per_step():
    class PerStep(Constant):
        def forward(self, x):
            return self.value.expand(len(x), 8, 1)

    with pytest.raises(ValueError, match=r"\(2, 8, 1\).*\(2, 1\)"):
        trainer(PerStep()).train(far(1))


def test_cross_entropy_of_logits_per_example_and_per_position():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 7, 5, generator=generator)
    classes = torch.randint(5, (3, 7), generator=generator)
    chances = torch.softmax(logits.double(), -1).gather(-1, classes[..., None])
    assert measure_loss("cross_entropy", logits, classes).item() == pytest.approx(-chances.log().mean().item())
    wanted = -chances[:, 0].log().mean().item()
    assert measure_loss("cross_entropy", logits[:, 0], classes[:, 0]).item() == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("logits", "classes"), [((3,), (3,)), ((3, 5, 7), (3, 7)), ((2, 5), (3,)), ((3, 5), (3, 7)), ((3, 7, 5), (3,))]
)
def test_logits_of_another_shape_are_refused(logits, classes):
    with pytest.raises(ValueError, match="logits of shape"):
        measure_loss("cross_entropy", torch.zeros(logits), torch.zeros(classes, dtype=torch.int64))
