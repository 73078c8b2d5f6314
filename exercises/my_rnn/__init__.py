"""Write PyTorch's simplest recurrent layer yourself: the tanh recurrence of Elman (1990).

Hand in `my_rnn.py` with a `class MyRNN(nn.Module)`. At each time step it computes

    h_t = tanh(W x_t + U h_(t-1) + b)

- `MyRNN(input_size, hidden_size)` makes the layer and its trainable weights. Name, shape and split them
  as you like: `nn.Linear` or `nn.Parameter`, either orientation, one bias or two, one joined matrix.
- `forward(x, h_0)` takes `x` of shape `(B, T, I)` (batch, time steps, input features) and the initial
  state `h_0` of shape `(1, B, H)`, or `None`, which means zeros.
- It returns `outputs, h_n`: all states `h_1 ... h_T` as `(B, T, H)`, and the last one as `(1, B, H)`.

For the same weights it equals `nn.RNN(input_size, hidden_size, batch_first=True)`, gradients included,
for every batch size and length. It keeps nothing from one call to the next and leaves its arguments as
they are. PyTorch's recurrent layers, cells and the functions behind them (`nn.RNN`, `nn.GRU`, `nn.LSTM`,
`nn.RNNCell`, `torch.rnn_tanh`, ...) are not allowed inside `MyRNN`. Outside the class they are welcome:
comparing with `nn.RNN` is the best test of your own.

Tensors are float32. The layer is also tried in float64, where mistakes show more sharply; a class that
insists on float32 loses nothing.
"""

import torch

from grader import Exercise, StudentRaised, Unmet, expect, expect_close, expect_shape
from grader.probes import FUSED_RECURRENT

from . import laws
from .layer import Layer, observed, probe, traced
from .showing import show_gradients, show_outputs
from .step import far

exercise = Exercise("my_rnn", title="A recurrent layer from scratch", statement=__doc__, names=("MyRNN",))

LIBRARY = ["RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell", "_VF", "rnn_tanh", "rnn_tanh_cell"]


@exercise.rule(flag="forbidden-layer")
def from_scratch(student):
    """MyRNN is written without PyTorch's recurrent layers and cells."""
    traces = traced(student)
    found = [name for trace in traces for name, is_recurrent in trace.modules if is_recurrent]
    found += [name for trace in traces for name in trace.operators if FUSED_RECURRENT.match(name)]
    if found:
        line = student.find_line("MyRNN", LIBRARY)
        reason = f"MyRNN uses PyTorch's own recurrent layer, {found[0]}" + (f" ({line})" if line else "")
        raise Unmet(reason, "Write the loop over the time steps with matrix products and torch.tanh.")


@exercise.check(points=0.5)
def shapes(student):
    """Returns outputs (B, T, H) and h_n (1, B, H) for any sizes, with an h_0 and with None."""
    for batch, time, input_size, hidden_size in ((4, 7, 3, 5), (1, 6, 3, 5), (3, 1, 2, 4)):
        try:
            returns_both(Layer(student, input_size, hidden_size, torch.float64), batch, time)
        except StudentRaised:
            returns_both(Layer(student, input_size, hidden_size, torch.float32), batch, time)


def returns_both(layer, batch, time):
    """Fail unless outputs and h_n have the right shapes, without an h_0 and with one."""
    layer.randomise()
    x, h_0 = layer.inputs(batch, time)
    layer(x, None)
    layer(x, h_0)


@exercise.check(points=1.5, needs=shapes)
def one_step(student):
    """One time step computes tanh(W x_t + U h_(t-1) + b)."""
    layer = probe(student)
    W, U = layer.step.W, layer.step.U
    parts = (W, U, U - torch.diag(U.diagonal()))
    if not layer.error <= layer.tolerances.step or any(layer.is_nothing(part) for part in parts):  # NaN fails too
        told = laws.of_step(layer)
        show_outputs(student, layer, 8)
        raise told


@exercise.check(points=0.5, needs=one_step)
def arguments_kept(student):
    """Leaves x and h_0 as they are."""
    layer = probe(student)
    x, h_0 = layer.inputs(4, 6)
    for arguments in ((x, h_0), (x, None)):
        changed = laws.of_changes(layer, *arguments)
        if changed is not None:
            raise changed


def lawful(student):
    """A layer that still takes the step which `one_step` saw: its answers mean something in this check too."""
    layer = probe(student)
    parts = (layer.step.W, layer.step.U)
    follows = layer.error <= layer.tolerances.step and not any(layer.is_nothing(part) for part in parts)
    expect(follows, "one step is not tanh(W x_t + U h_(t-1) + b) any more", laws.LAW)
    return layer


@exercise.check(points=0.5, needs=one_step)
def bias(student):
    """The sum inside the tanh has a bias."""
    layer = lawful(student)
    hint = "Add a trainable vector of hidden_size numbers inside the tanh."
    expect(not layer.is_nothing(layer.step.b), "there is no bias: b is zero whatever the parameters", hint)


@exercise.check(points=1, needs=one_step)
def initial_state(student):
    """The first step starts from h_0, or from zeros where it is None, and gradients reach h_0."""
    layer = probe(student)
    x, outputs = layer.first_x, layer.first_outputs
    if far(outputs, layer.step.run(x), layer.tolerances.sequence):
        told = laws.of_start(layer, x, outputs)
        show_outputs(student, layer, 8, with_h_0=False)
        raise told
    hint = "Start from h_0[0] unless h_0 is None."
    if not layer.reads_h_0:
        show_outputs(student, layer, 8)
    expect(layer.reads_h_0, "a given h_0 has no influence on outputs", hint)

    x, h_0 = layer.inputs(4, 1)
    cotangent = layer.draw(*outputs.shape)
    gradients = layer.backward(x, h_0, of_outputs=cotangent)
    if not bool(gradients.h_0.any()):
        raise laws.of_cut(layer, "no gradient reaches h_0")
    wanted = (layer.step.backward(gradients.outputs, cotangent) @ layer.step.U).transpose(0, 1)
    name, tolerance = "the gradient with respect to h_0", layer.tolerances.gradient
    expect_close(gradients.h_0, wanted, name, tolerance=tolerance, hint=laws.CUT)


@exercise.check(points=1.5, needs=one_step)
def sequence(student):
    """Carries the state through sequences of up to 200 steps, as nn.RNN does."""
    for batch, time, input_size, hidden_size in ((4, 7, 3, 5), (3, 50, 2, 8), (2, 200, 6, 3)):
        layer = probe(student, input_size, hidden_size)
        x, h_0 = layer.inputs(batch, time)
        outputs, _ = layer(x, h_0)
        start = layer.start(h_0)  # whether this is the right one is judged by `initial_state`
        if far(outputs, layer.step.run(x, start), layer.tolerances.sequence):
            told = laws.of_sequence(layer, x, start, outputs)
            show_outputs(student, layer, time)
            raise told


@exercise.check(points=1, needs=one_step)
def final_state(student):
    """h_n is the state after the last step, the last one in outputs, for gradients too."""
    layer = lawful(student)
    x, h_0 = layer.inputs(4, 6)
    outputs, h_n = layer(x, h_0)
    if far(h_n[0], outputs[:, -1], layer.tolerances.sequence):
        raise laws.of_final_state(layer, outputs, h_n)
    direction = layer.draw(*h_n.shape)
    last = torch.zeros_like(outputs)
    last[:, -1] = direction[0]
    found = layer.backward(x, h_0, of_h_n=direction).x
    wanted = layer.backward(x, h_0, of_outputs=last).x
    expect_close(found, wanted, "the gradient of h_n", tolerance=layer.tolerances.gradient, hint=laws.CUT)


@exercise.check(points=1, needs=sequence)
def input_gradients(student):
    """Gradients flow back through all time steps to x."""
    layer = lawful(student)
    x, _ = layer.inputs(3, 110)
    cotangent = layer.draw(3, 110, 5)
    gradients = layer.backward(x, None, of_outputs=cotangent)
    wanted = layer.step.backward(gradients.outputs, cotangent) @ layer.step.W
    if far(gradients.x, wanted, layer.tolerances.gradient):
        told = laws.of_gradient(layer, gradients, cotangent)
        show_gradients(student, layer, 110)
        raise told


@exercise.check(points=1, needs=sequence)
def parameter_gradients(student):
    """Gradients flow back through all time steps to every parameter."""
    layer = probe(student)
    x, h_0 = layer.inputs(4, 6)
    cotangent = layer.draw(4, 6, 5)
    gradients = layer.backward(x, h_0, of_outputs=cotangent)
    wanted = layer.step.parameter_gradients(x, layer.start(h_0), gradients.outputs, cotangent)
    expect(len(gradients.parameters) > 0, "the module has no parameters", laws.UNREGISTERED)
    for name, gradient in gradients.parameters.items():
        direction = layer.draw(*gradient.shape)
        parts = layer.slope(name, direction) * wanted  # the chain rule, through each entry of W, U and b
        error = abs(float((gradient.double() * direction).sum() - parts.sum()))
        if not error <= layer.tolerances.chain * float(parts.norm()) + layer.tolerances.gradient:
            which = "a wrong" if gradient.any() else "no"
            raise Unmet(f"{which} gradient reaches the parameter {name}", laws.CUT)


@exercise.check(points=0.5, needs=one_step)
def registered_parameters(student):
    """W, U and b are made of the module's parameters, every entry free of the others."""
    layer = probe(student, 2, 2)
    steps = [layer.redraw() for _ in range(16)]
    moves = torch.stack([step.flat - steps[0].flat for step in steps])  # (16, H*I + H*H + H)
    if all(layer.is_nothing(step.b) for step in steps):
        moves = moves[:, :-2]  # a missing bias is judged by `bias`
    if torch.linalg.svdvals(moves)[-1] < layer.tolerances.nothing:
        raise laws.of_tying(layer, steps)


@exercise.check(points=0.5, needs=one_step)
def no_memory(student):
    """Keeps nothing from one call to the next: the same arguments give the same answer."""
    layer = probe(student)
    x, h_0 = layer.inputs(4, 6)
    for given in (None, h_0):
        first, _ = layer(x, given)
        layer(layer.draw(*x.shape), given)
        again, _ = layer(x, given)
        reason = "after another call, the same arguments give different outputs"
        hint = "Make the initial state anew in forward: what is stored in self lives on from call to call."
        expect(not far(again, first, layer.tolerances.step), reason, hint)
    layer(*layer.inputs(2, 3))  # nor do the sizes of an earlier call matter


@exercise.check(points=0.5, needs=one_step)
def float32(student):
    """Computes in float32 where its parameters and inputs are float32."""
    layer = observed(student, 3, 5, torch.float32)
    hint = "Make new tensors in the dtype of x, with x.new_zeros(...) for example."
    for name, value in (("outputs", layer.outputs), ("h_n", layer.h_n)):
        expect_shape(value, value.shape, name, dtype=torch.float32, hint=hint)
    expect(layer.error <= layer.tolerances.step, f"one step in float32 is off by {layer.error:.2g}", hint)
