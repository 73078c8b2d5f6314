"""Write PyTorch's simplest recurrent layer yourself: the tanh recurrence of Elman (1990).

Hand in `my_rnn.py` with a `class MyRNN(nn.Module)`. At each time step it computes

    h_t = tanh(W x_t + U h_(t-1) + b)

- `MyRNN(input_size, hidden_size)` creates the layer and its trainable weights. Name, shape and split them
  as you like: `nn.Linear` or `nn.Parameter`, either orientation, one bias or two, one combined matrix.
- `forward(x, h_0)` takes `x` of shape `(B, T, I)` (batch, time steps, input features) and the initial
  state `h_0` of shape `(1, B, H)`, or `None`, which means zeros.
- It returns `outputs, h_n`: all states `h_1 ... h_T` as `(B, T, H)`, and the last one as `(1, B, H)`.

With the same weights it must equal `nn.RNN(input_size, hidden_size, batch_first=True)`, gradients included,
for every batch size and length. It must keep nothing from one call to the next, and not change its
arguments. PyTorch's recurrent layers, cells and the functions behind them (`nn.RNN`, `nn.GRU`, `nn.LSTM`,
`nn.RNNCell`, `torch.rnn_tanh`, ...) are not allowed inside `MyRNN`. Outside the class they are welcome:
comparison with `nn.RNN` is the best test of your layer.

Tensors are float32. The layer is also tested in float64, where mistakes show more clearly; a class that
insists on float32 loses no points.
"""

import torch

from grader import Exercise
from grader.probes import recognise, recurrence

from .showing import gradients_shown, outputs_shown

exercise = Exercise("my_rnn", title="A recurrent layer from scratch", statement=__doc__, names=("MyRNN",))

LAYERS = ((3, 5), (2, 4), (2, 8), (6, 3), (2, 2))
"""The input and hidden sizes of the layers that checks build."""
CALLS = ((4, 1), (52, 1), (4, 6), (4, 7), (1, 6), (3, 1), (2, 3), (2, 1))
"""The batch sizes and lengths that checks call them with, unless these follow from a layer's size. Long sequences are
left out: a rule runs before all checks, and a layer that hangs only there should keep the points of earlier checks."""


def recognised(student, input_size=3, hidden_size=5, dtype=None):
    """The student's layer with random parameters, and the W, U and b that explain one step of it."""
    return recognise(student, "MyRNN", (input_size, hidden_size), dtype=dtype)


@exercise.rule(flag="forbidden-layer")
def from_scratch(student):
    """MyRNN is written without PyTorch's recurrent layers and cells."""
    recurrence.expect_from_scratch(student, "MyRNN", LAYERS, CALLS)


@exercise.check(points=0.5)
def shapes(student):
    """Returns outputs (B, T, H) and h_n (1, B, H) for any sizes, with an h_0 and with None."""
    for batch, time, input_size, hidden_size in ((4, 7, 3, 5), (1, 6, 3, 5), (3, 1, 2, 4)):
        recurrence.expect_shapes(student, "MyRNN", (input_size, hidden_size), batch, time)


@exercise.check(points=1.5, needs=shapes)
def one_step(student):
    """One time step computes tanh(W x_t + U h_(t-1) + b)."""
    layer = recognised(student)
    with outputs_shown(student, layer, 8):
        recurrence.expect_step(layer)


@exercise.check(points=0.5, needs=one_step)
def arguments_kept(student):
    """Leaves x and h_0 as they are."""
    recurrence.expect_arguments_kept(recognised(student), batch=4, time=6)


@exercise.check(points=0.5, needs=one_step)
def bias(student):
    """The sum inside the tanh has a bias."""
    layer = recognised(student)
    recurrence.expect_same_law(layer)
    recurrence.expect_bias(layer)


@exercise.check(points=1, needs=one_step)
def initial_state(student):
    """The first step starts from h_0, or from zeros where it is None, and gradients reach h_0."""
    layer = recognised(student)
    with outputs_shown(student, layer, 8, with_h_0=False):
        recurrence.expect_zeros_without_state(layer)
    with outputs_shown(student, layer, 8):
        recurrence.expect_state_read(layer)
    recurrence.expect_equal_gradients(layer, batch=4, time=1, wrt="h_0")


@exercise.check(points=1.5, needs=one_step)
def sequence(student):
    """Carries the state through sequences of up to 200 steps, as nn.RNN does."""
    for batch, time, input_size, hidden_size in ((4, 7, 3, 5), (3, 50, 2, 8), (2, 200, 6, 3)):
        layer = recognised(student, input_size, hidden_size)
        with outputs_shown(student, layer, time):
            recurrence.expect_equal_layer(layer, batch, time)


@exercise.check(points=1, needs=one_step)
def final_state(student):
    """h_n is the state after the last step, the last one in outputs, for gradients too."""
    layer = recognised(student)
    recurrence.expect_same_law(layer)
    recurrence.expect_final_state(layer, batch=4, time=6)


@exercise.check(points=1, needs=sequence)
def input_gradients(student):
    """Gradients flow back through all time steps to x."""
    layer = recognised(student)
    recurrence.expect_same_law(layer)
    with gradients_shown(student, layer, 110):
        recurrence.expect_equal_gradients(layer, batch=3, time=110, wrt="x")


@exercise.check(points=1, needs=sequence)
def parameter_gradients(student):
    """Gradients flow back through all time steps to every parameter."""
    recurrence.expect_equal_gradients(recognised(student), batch=4, time=6, wrt="parameters")


@exercise.check(points=0.5, needs=one_step)
def registered_parameters(student):
    """W, U and b are made of the module's parameters, every entry free of the others."""
    recurrence.expect_free_weights(recognised(student, 2, 2))


@exercise.check(points=0.5, needs=one_step)
def no_memory(student):
    """Keeps nothing from one call to the next: the same arguments give the same answer."""
    recurrence.expect_no_memory(recognised(student), batch=4, time=6)


@exercise.check(points=0.5, needs=one_step)
def float32(student):
    """Computes in float32 where its parameters and inputs are float32."""
    recurrence.expect_precision(recognised(student, dtype=torch.float32), batch=4, time=6)
