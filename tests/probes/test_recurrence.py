"""Recognising a recurrent layer: on a cell of another make, on layers that keep each promise and that break it."""

import textwrap

import pytest
import torch
from torch import nn

from grader import Exercise, StudentRaised, Unmet
from grader.grading.attempt import Attempt
from grader.grading.listener import Listener
from grader.grading.student import Student
from grader.intake.staging import stage, unstage
from grader.probes import StepProbe, recognise, recurrence
from grader.probes.recurrence import laws
from grader.records.limits import Limits

COURSE = '''
"""Write `Unit(units, features)`, whose `forward(state, x)` is one step of a tanh recurrence."""

from grader import Exercise
from grader.probes import recognise, recurrence

exercise = Exercise("unit", title="One step", statement=__doc__, names=("Unit",))


def recognised(student, features, units):
    """The cell, asked in its own order of arguments."""
    return recognise(
        student, "Unit", (units, features), steps=False, sizes=(features, units), ask=lambda model, x, h: model(h, x)
    )


@exercise.check(points=2)
def one_step(student):
    """One step computes tanh(W x + U h + b)."""
    recurrence.expect_step(recognised(student, 3, 5))


@exercise.check(points=1, needs=one_step)
def bias(student):
    """The sum has a bias."""
    recurrence.expect_bias(recognised(student, 3, 5))


@exercise.check(points=1, needs=one_step)
def free(student):
    """Every weight is a number of its own."""
    recurrence.expect_free_weights(recognised(student, 2, 2))
'''
UNIT = """
import torch
from torch import nn

class Unit(nn.Module):
    def __init__(self, units, features):
        super().__init__()
        self.inner = nn.RNNCell(features, units, bias=BIAS, nonlinearity=KIND)

    def forward(self, state, x):
        return self.inner(x, state)
"""


@pytest.mark.parametrize(
    ("bias", "kind", "points", "reason"),
    [
        ("True", "'tanh'", 4, None),
        ("True", "'relu'", 0, "one step has a ReLU where tanh belongs"),
        ("False", "'tanh'", 3, "there is no bias: b is zero whatever the parameters are"),
    ],
)
@pytest.mark.slow
def test_a_cell_of_another_make_is_recognised(submission, submit_json, tmp_path, bias, kind, points, reason):
    """Another name, another order of arguments, in a course of its own, by the real command."""
    course = submission({"exercises/unit/__init__.py": COURSE}, "course")
    path = submission({"unit.py": UNIT.replace("BIAS", bias).replace("KIND", kind)})
    # a seed, since where one unit is hardly ever above zero, three runs of forty name no ReLU
    answer = submit_json(path, "--course", course, "--exercise", "unit", "--seed", "7")
    assert answer["status"] == "graded", answer["message"]
    assert answer["points"] == points
    messages = [check["message"] for exercise in answer["exercises"] for check in exercise["checks"]]
    assert reason is None or reason in messages


MAKE = """
import torch
from torch import nn

def Made(I, H, source):
    names = {"torch": torch, "nn": nn}
    exec(source, names)
    return names["Tested"](I, H)
"""


@pytest.fixture(scope="module")
def attempt(zygote, tmp_path_factory):
    """One worker for all tests of this file: what it builds is what a test hands over as source."""
    layers = {"Layer": {}, "Flat": {"h_n": "h"}, "TimeFirst": {"outputs": "torch.stack(states)"}}
    classes = [layer_of(**parts).replace("Tested", name) for name, parts in layers.items()]
    path = tmp_path_factory.mktemp("submission")
    (path / "task.py").write_text("".join([MAKE, *classes, FUSED]))
    limits = Limits(seconds=900)
    staged = stage(path, zygote, limits)
    exercise = Exercise("task", title="A task", statement="", names=("Made", *layers, "Fused"))
    attempt = Attempt(zygote, staged, exercise, limits, 1, Listener())
    attempt.load()
    yield attempt
    attempt.close()
    unstage(staged, zygote)


@pytest.fixture
def student(attempt, request):
    """A student whose modules are made of a test's sources."""
    return Student(attempt, request.node.name)


FUSED = """
class Fused(nn.Module):
    def __init__(self, I, H):
        super().__init__()
        self.inner = getattr(nn, "R" + "NN")(I, H, batch_first=True)

    def forward(self, x, h_0):
        return self.inner(x, h_0)
"""


def cell_of(answer="torch.tanh(z)", init="pass", W="self.W", U="self.U", b="self.b"):
    """The source of a cell: what it answers, of the sum z, and what it takes for W, U and b."""
    return f"""
class Tested(nn.Module):
    def __init__(self, I, H):
        super().__init__()
        self.W = nn.Parameter(torch.zeros(H, I))
        self.U = nn.Parameter(torch.zeros(H, H))
        self.b = nn.Parameter(torch.zeros(H))
        self.calls = 0
        {init}

    def forward(self, x, h):
        self.calls += 1
        W, U, b = {W}, {U}, {b}
        z = x @ W.T + h @ U.T + b
        return {answer}
"""


def probe_of(student, sizes=(3, 5), **source):
    return made_cell(student, cell_of(**source), sizes)


def made_cell(student, source, sizes=(3, 5), **options):
    return recognise(student, "Made", (*sizes, source), steps=False, **options)


def made_layer(student, source, **options):
    return recognise(student, "Made", (3, 5, source), **options)


def test_the_weights_that_are_found_are_those_of_the_cell(student):
    probe = probe_of(student)
    assert isinstance(probe, StepProbe)
    assert probe.dtype == torch.float64
    for name in ("W", "U", "b"):
        assert torch.allclose(getattr(probe.step, name), probe.model.parameters[name].detach(), atol=1e-9), name
    assert probe.error < 1e-12
    assert probe.reads_state
    recurrence.expect_step(probe)
    recurrence.expect_same_law(probe)
    recurrence.expect_bias(probe)
    before = probe.step.flat
    assert (probe.redraw().flat - before).abs().min() > 0


def test_a_layer_is_not_asked_as_a_cell_is(student):
    """It would be called as any layer, and its student blamed for what comes of it."""
    with pytest.raises(ValueError, match="say steps=False"):
        made_layer(student, "", ask=lambda model, x, h: model(h, x))


@pytest.mark.parametrize("name", list(recurrence.ACTIVATIONS))
def test_other_activations_are_named(student, name):
    code = {
        "no nonlinearity": "z",
        "a ReLU": "torch.relu(z)",
        "a sigmoid": "torch.sigmoid(z)",
        "a hardtanh": "nn.functional.hardtanh(z)",
        "a softsign": "nn.functional.softsign(z)",
        "a leaky ReLU": "nn.functional.leaky_relu(z)",
        "an ELU": "nn.functional.elu(z)",
        "tanh twice": "torch.tanh(torch.tanh(z))",
    }[name]
    with pytest.raises(Unmet) as unmet:
        recurrence.expect_step(probe_of(student, answer=code))
    assert unmet.value.reason == f"one step has {name} where tanh belongs"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"answer": "h"}, "h' holds the previous state, h_(t-1) where h_t belongs"),
        ({"answer": "h + torch.tanh(z)"}, "one step adds tanh(...) to the previous state, which it should replace"),
        ({"answer": "torch.tanh(x @ W.T + b) + h @ U.T"}, "input and state are added outside the tanh, not inside it"),
        ({"W": "0 * self.W"}, "x has no influence on h'"),
        ({"U": "0 * self.U"}, "no step depends on the previous one"),
        ({"U": "self.U * torch.eye(5)"}, "each hidden unit sees only its own previous value"),
        ({"answer": "torch.tanh(z) + torch.rand(5)"}, "the same x and h give two different h'"),
        ({"answer": "torch.tanh(z - z.mean(0))"}, "the h' of a row depends on its neighbours in the batch"),
        ({"answer": "torch.tanh(z * z)"}, "no W, U and b turn one step into tanh(W x_t + U h_(t-1) + b): "),
    ],
    ids=str,
)
def test_other_steps_are_named(student, source, reason):
    with pytest.raises(Unmet) as unmet:
        recurrence.expect_step(probe_of(student, **source))
    assert unmet.value.reason.startswith(reason)


def test_a_step_that_changes_its_law_is_seen(student):
    probe = probe_of(student, answer="torch.tanh(z) if self.calls < 2 else torch.relu(z)")
    recurrence.expect_same_law(probe)
    probe.observe()
    with pytest.raises(Unmet, match="no longer"):
        recurrence.expect_same_law(probe)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({}, None),
        ({"b": "0"}, None),  # a missing bias is judged by another promise
        ({"U": "self.U + self.U.T"}, "U is symmetric whatever the module's parameters are"),
        ({"W": "torch.eye(2).to(x)"}, "W stays the same whatever the module's parameters are"),
        ({"U": "self.U.tril()"}, "some entries of W or U are zero whatever the parameters are"),
        ({"b": "self.b[:1]"}, "all hidden units share one bias"),
        ({"W": "self.U"}, "some entries of W, U and b always change together"),
    ],
    ids=str,
)
def test_tied_weights_are_named(student, source, reason):
    probe = probe_of(student, (2, 2), **source)
    if reason is None:
        recurrence.expect_free_weights(probe)
        return
    with pytest.raises(Unmet) as unmet:
        recurrence.expect_free_weights(probe)
    assert unmet.value.reason == reason


def test_free_weights_are_free_at_other_sizes(student):
    recurrence.expect_free_weights(probe_of(student, (3, 4)))


def test_a_slope_is_that_of_the_weights(student):
    """W is twice a parameter: it moves twice as far."""
    probe = probe_of(student, W="2 * self.W")
    direction = probe.draw(5, 3)
    moved = probe.slope("W", direction)
    assert torch.allclose(moved[:15], 2 * direction.flatten(), atol=1e-6)
    assert torch.allclose(moved[15:], torch.zeros(30, dtype=torch.float64), atol=1e-6)


@pytest.mark.parametrize("answer", ["torch.tanh(z)", "(torch.tanh(z), None)"])
def test_gradients_go_through_what_an_exercise_asks(student, answer):
    """Also through what it does with the answer."""
    ask = {"ask": lambda model, x, h: model(x, h)[0]} if answer.startswith("(") else {}
    probe = made_cell(student, cell_of(answer), **ask)
    x, h = probe.inputs(7)
    cotangent = probe.draw(7, 5)
    found = probe.backward(x, h, cotangent)
    deltas = cotangent * (1 - found.answer**2)
    assert torch.allclose(found.answer, torch.tanh(x @ probe.step.W.T + h @ probe.step.U.T + probe.step.b))
    assert torch.allclose(found.x, deltas @ probe.step.W)
    assert torch.allclose(found.h, deltas @ probe.step.U)
    wanted = {"W": deltas.T @ x, "U": deltas.T @ h, "b": deltas.sum(0)}
    assert all(torch.allclose(found.parameters[name], wanted[name]) for name in wanted)


def test_where_gradients_are_cut_they_are_zeros(student):
    probe = probe_of(student, answer="torch.tanh(z.detach())")
    found = probe.backward(*probe.inputs(4), probe.draw(4, 5))
    assert not any(part.any() for part in (found.x, found.h, *found.parameters.values()))


def test_what_the_backward_pass_raises_is_the_students(student):
    source = cell_of("Bad.apply(torch.tanh(z))") + textwrap.dedent("""
        class Bad(torch.autograd.Function):
            @staticmethod
            def forward(ctx, z):
                return z.clone()

            @staticmethod
            def backward(ctx, grad):
                raise ValueError("no way back")
        """)
    probe = made_cell(student, source)
    with pytest.raises(StudentRaised, match="no way back"):
        probe.backward(*probe.inputs(4), probe.draw(4, 5))


def test_a_class_that_insists_on_float32_is_asked_in_float32(student):
    probe = probe_of(student, init="self.float()", answer="torch.tanh(z.float())")
    assert probe.dtype == torch.float32
    recurrence.expect_step(probe)
    assert made_cell(student, cell_of(), dtype=torch.float32).dtype == torch.float32


def test_an_answer_of_another_shape_is_told(student):
    with pytest.raises(Unmet, match=r"h' after one step has shape \(\d+, 3\)"):
        probe_of(student, answer="x")


def test_a_lazy_cell_is_asked_once_before(student):
    source = """
    class Tested(nn.Module):
        def __init__(self, I, H):
            super().__init__()
            self.ours, self.U = nn.LazyLinear(H), nn.Linear(H, H, bias=False)

        def forward(self, x, h):
            return torch.tanh(self.ours(x) + self.U(h))
    """
    recurrence.expect_step(made_cell(student, textwrap.dedent(source)))


STEP = recurrence.Step(*(torch.rand(shape, dtype=torch.float64) - 0.5 for shape in ((5, 3), (5, 5), (5,))))


@pytest.mark.parametrize("law", laws.sequence_laws(STEP), ids=lambda law: law.reason)
def test_a_wrong_loop_is_named_by_its_own_law(law):
    """The first that fits; the bank's laws differ, and none is the right one."""
    x, h_0 = torch.rand(4, 7, 3), torch.rand(1, 4, 5)
    wrong = law.states(STEP.run, x, h_0)
    assert next(recurrence.broken_laws(STEP, x, h_0, wrong, 1e-8)).reason == law.reason
    assert not list(recurrence.broken_laws(STEP, x, h_0, STEP.run(x, h_0), 1e-8))


def layer_of(loop="", outputs="torch.stack(states, 1)", h_n="h[None]", start="h_0[0]"):
    """The source of a layer: what is done at the head of each step, what it returns, and where it starts from."""
    return f"""
class Tested(nn.Module):
    def __init__(self, I, H):
        super().__init__()
        self.cell = nn.Linear(I + H, H)
        self.kept = None

    def forward(self, x, h_0):
        h_0 = x.new_zeros(1, len(x), self.cell.out_features) if h_0 is None else h_0
        h, states = {start}, []
        for t, x_t in enumerate(x.unbind(1)):
            {loop or "pass"}
            h = torch.tanh(self.cell(torch.cat([x_t, h], 1)))
            states.append(h)
        return {outputs}, {h_n}
"""


KEEP = """
def keep(self, h):
    self.kept = h.detach() if len(h) == 4 else None
    return h
"""
PROMISES = {
    "zeros": (
        recurrence.expect_zeros_without_state,
        {},
        {"start": "h_0[0] if h_0.any() else torch.ones_like(h_0[0])"},
        "without h_0, the first step starts from ones",
    ),
    "read": (
        recurrence.expect_state_read,
        {},
        {"start": "torch.zeros_like(h_0[0])"},
        "a given h_0 has no influence on outputs",
    ),
    "sequence": (
        recurrence.expect_equal_layer,
        {"batch": 4, "time": 7},
        {"loop": "h = h_0[0]"},
        "the state is not passed on: it is reset at every step",
    ),
    "final": (
        recurrence.expect_final_state,
        {"batch": 4, "time": 6},
        {"h_n": "states[0][None]"},
        "h_n holds the state after the first step, not the state after the last step",
    ),
    "final, its gradient": (
        recurrence.expect_final_state,
        {"batch": 4, "time": 6},
        {"h_n": "h[None].detach()"},
        "h_n carries no gradient",
    ),
    "x": (
        recurrence.expect_equal_gradients,
        {"batch": 3, "time": 110, "wrt": "x"},
        {"loop": "h = h.detach()"},
        "the state is detached at each step: no gradient flows further back",
    ),
    "x, now and then": (
        recurrence.expect_equal_gradients,
        {"batch": 3, "time": 110, "wrt": "x"},
        {"loop": "h = h if t % 20 else h.detach()"},
        "the state is detached every 20 steps: no gradient flows further back",
    ),
    "h_0": (
        recurrence.expect_equal_gradients,
        {"batch": 4, "time": 1, "wrt": "h_0"},
        {"start": "h_0[0].detach()"},
        "no gradient reaches h_0",
    ),
    "parameters": (
        recurrence.expect_equal_gradients,
        {"batch": 4, "time": 6, "wrt": "parameters"},
        {"loop": "h = h.detach()"},
        "a wrong gradient reaches the parameter cell.weight",
    ),
    "arguments": (
        recurrence.expect_arguments_kept,
        {"batch": 4, "time": 6},
        {"loop": "x_t.mul_(0.5)"},
        "forward changes its argument x in place",
    ),
    "memory": (
        recurrence.expect_no_memory,
        {"batch": 4, "time": 6},
        {"start": "h_0[0] if self.kept is None or len(x) != 4 else self.kept", "h_n": "self.keep(h)[None]"},
        "after another call, the same arguments give different outputs",
    ),
    "precision": (
        recurrence.expect_precision,
        {"batch": 4, "time": 6},
        {"outputs": "torch.stack(states, 1).double()"},
        "outputs has dtype torch.float64, expected torch.float32",
    ),
}
"""What is expected, how it is asked, a layer that breaks it, and the reason."""


@pytest.mark.parametrize("promise", PROMISES)
def test_a_layer_keeps_a_promise_or_breaks_it(student, promise):
    expected, options, broken, reason = PROMISES[promise]
    dtype = torch.float32 if promise == "precision" else None
    expected(made_layer(student, layer_of(), dtype=dtype), **options)
    layer = made_layer(student, layer_of(**broken) + textwrap.indent(KEEP, "    "), dtype=dtype)
    with pytest.raises(Unmet) as unmet:
        expected(layer, **options)
    assert unmet.value.reason == reason


def test_a_state_that_is_ignored_leaves_the_weights_to_the_steps_of_a_sequence(student):
    layer = made_layer(student, layer_of(start="torch.zeros_like(h_0[0])"))
    assert not layer.probe.reads_state
    recurrence.expect_step(layer)
    recurrence.expect_equal_layer(layer, batch=4, time=7)
    weight = layer.probe.model.parameters["cell.weight"].detach()
    assert torch.allclose(torch.cat([layer.step.W, layer.step.U], 1), weight)


def test_outputs_that_hide_a_right_state_are_told(student):
    layer = made_layer(student, layer_of(outputs="torch.atanh(torch.stack(states, 1))"))
    with pytest.raises(Unmet, match="h_n is right, but outputs holds the sums before the tanh"):
        recurrence.expect_step(layer)


def test_shapes_of_a_layer(student):
    recurrence.expect_shapes(student, "Layer", (3, 5), 4, 7)
    with pytest.raises(Unmet, match=r"h_n for .* has shape \(4, 5\)") as unmet:
        recurrence.expect_shapes(student, "Flat", (3, 5), 4, 7)
    assert "h.unsqueeze(0)" in unmet.value.hint
    with pytest.raises(Unmet, match=r"outputs for .* has shape \(7, 4, 5\)") as unmet:
        recurrence.expect_shapes(student, "TimeFirst", (3, 5), 4, 7)
    assert "The batch comes first" in unmet.value.hint


def test_a_library_layer_is_seen_by_what_runs(student):
    sizes = {"layers": ((3, 5),), "calls": ((4, 6),)}
    recurrence.expect_from_scratch(student, "Layer", **sizes)
    with pytest.raises(Unmet, match="Fused uses PyTorch's own recurrent layer, torch"):
        recurrence.expect_from_scratch(student, "Fused", **sizes)


def test_a_step_is_that_of_pytorchs_cell():
    cell = nn.RNNCell(3, 5, dtype=torch.float64)
    x, h = torch.rand(60, 3, dtype=torch.float64), torch.rand(60, 5, dtype=torch.float64)
    with torch.no_grad():
        step, error = recurrence.solve(x, h, cell(x, h))
        assert torch.allclose(step.b, cell.bias_ih + cell.bias_hh)
        assert error < 1e-12
        _, error = recurrence.solve(x, h, torch.sin(cell(x, h)))
        assert error > 1e-3
