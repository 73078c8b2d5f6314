"""Checks that a recurrent layer was written from scratch, from the operators that ran and never from the source."""

from collections.abc import Sequence

import torch

from grader.authoring.expectations import Unmet
from grader.grading.errors import StudentRaised
from grader.grading.model import FUSED_RECURRENT, Trace
from grader.grading.student import Student
from grader.probes.recurrence.layer import Layer

LIBRARY = ["RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell", "_VF", "rnn_tanh", "rnn_tanh_cell"]
Sizes = Sequence[tuple[int, int]]


def expect_from_scratch(student: Student, name: str, layers: Sizes, calls: Sizes) -> None:
    """Fail the check if the layer `name(I, H)` runs PyTorch's recurrent layers, cells or their kernels.

    Args:
        student: the student whose layer it is.
        name: the name of its class.
        layers: input and hidden sizes of the layers that other checks build.
        calls: batch sizes and lengths with which they call these layers.

    Raises `Unmet`, and `StudentRaised` if every call raises.
    """
    traces = _traced(student, name, layers, calls)
    found = [module for trace in traces for module, is_recurrent in trace.modules if is_recurrent]
    found += [operator for trace in traces for operator in trace.operators if FUSED_RECURRENT.match(operator)]
    if found:
        line = student.find_line(name, LIBRARY)
        reason = f"{name} uses PyTorch's own recurrent layer, {found[0]}" + (f" ({line})" if line else "")
        raise Unmet(reason, "Write the loop over the time steps with matrix products and torch.tanh.")


def _traced(student: Student, name: str, layers: Sizes, calls: Sizes) -> list[Trace]:
    """What runs in the student's layer, in both precisions, with and without an h_0, for calls that do not raise.

    Sizes are those that the checks use and random ones, and the number of calls before each trace is random, so that
    the student's code cannot detect which call is traced.
    """
    traces = []
    for dtype in (torch.float32, torch.float64):
        sizes = [layers[0], _one_of(student, (*layers, (_drawn(student, 2, 9), _drawn(student, 2, 9))))]
        chosen = bool(_drawn(student, 0, 2))
        for size, with_h_0 in zip(sizes, ((True, False), (chosen,)), strict=True):
            try:
                layer = Layer(student, name, size, size, dtype)
                layer.probe.randomise()
            except StudentRaised as error:
                raised = error
                continue
            for is_given in with_h_0:
                drawn = _drawn(student, 2, 9), _drawn(student, 2, 9)
                x, h_0 = layer.inputs(*_one_of(student, (*calls, drawn)))
                arguments = (x, h_0 if is_given else None)
                try:
                    for _ in range(_drawn(student, 0, 3)):
                        layer.model(*arguments)
                    traces.append(layer.model.trace(*arguments))
                except StudentRaised as error:
                    raised = error
    if not traces:
        raise raised
    return traces


def _one_of(student: Student, sizes: Sizes) -> tuple[int, int]:
    return sizes[_drawn(student, 0, len(sizes))]


def _drawn(student: Student, low: int, high: int) -> int:
    return int(torch.randint(low, high, (), generator=student.generator))
