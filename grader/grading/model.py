"""A student's model in the jail, used like a local `nn.Module`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import torch

from grader.authoring.expectations import describe
from grader.authoring.recipe import Recipe
from grader.grading.channel import Channel
from grader.grading.errors import NotAModule, StudentRaised
from grader.jail.shared import messages, wire
from grader.records.sanitize import sanitize


@dataclass(frozen=True)
class Vjp:
    """A forward pass and the gradients of `sum <output, cotangent>`."""

    outputs: Any
    inputs: tuple[torch.Tensor | None, ...]
    parameters: dict[str, torch.Tensor | None]


@dataclass(frozen=True)
class Trace:
    """What ran: operators with their number of calls, and (type, whether it is a recurrent module of torch) pairs."""

    operators: dict[str, int]
    modules: list[tuple[str, bool]]


FUSED_RECURRENT = re.compile(r"(aten|quantized)::.*(rnn|gru|lstm)")
"""Operators of PyTorch's own recurrent layers and cells, as the profiler names them."""


def recurrent(short: Trace, long: Trace) -> bool:
    """Whether a recurrent step ran: a fused recurrent operator, or more operators for the longer sequence."""
    if any(FUSED_RECURRENT.match(name) for name in long.operators):
        return True
    return sum(long.operators.values()) > sum(short.operators.values())


class Model:
    """A student's model in the worker, built by `build_model`. It is forgotten when the check that built it ends."""

    _answered: dict[str, str]
    """By method: the input shapes of the first successful call."""

    def __init__(self, channel: Channel, index: int, build: messages.Build, tensors: list[torch.Tensor]):
        self._channel, self._index, self._build, self._tensors = channel, index, build, tensors
        self._answered = {}

    def rebuild(self) -> "Model":
        """Build another model in the same way, which was never called. Raises `StudentRaised`, `NotAModule`."""
        return build_model(self._channel, self._build, self._tensors, f"`{self._build.name}`")

    def __call__(self, *inputs: Any) -> Any:
        """A forward pass without gradients, in the mode the model was built in."""
        return self.method("__call__", *inputs)

    def method(self, name: str, *inputs: Any) -> Any:
        """Call a method without gradients. Raises `StudentRaised`."""
        nodes, tensors = self._channel.pack(inputs)
        shapes = " and ".join(str(tuple(value.shape)) for value in inputs if isinstance(value, torch.Tensor))
        try:
            found = self._channel.value(messages.Apply(self._index, name, nodes), tensors, _named(name))
        except StudentRaised as raised:
            if self._answered.get(name, shapes) != shapes:
                raised.sizes = self._answered[name], shapes
            raise
        self._answered.setdefault(name, shapes)
        return found

    def changes(self, *inputs: Any) -> tuple[int, ...]:
        """Run a forward pass; return the positions of the inputs that it modified in place."""
        # the inputs come back and are compared here: in the worker, student code could replace `torch.equal`
        nodes, tensors = self._channel.pack(inputs)
        request = messages.Changes(self._index, nodes)
        left = self._channel.values(request, tensors, "`forward`", count=len(inputs))
        pairs = enumerate(zip(inputs, left, strict=True))
        return tuple(i for i, (a, b) in pairs if isinstance(a, torch.Tensor) and not _is_same(a, b))

    def vjp(self, inputs: tuple[Any, ...], cotangents: tuple[torch.Tensor | None, ...]) -> Vjp:
        """Run a forward pass and backpropagate; a gradient is None where there is none. Raises `StudentRaised`."""
        nodes, tensors = self._channel.pack((*inputs, *cotangents))
        request = messages.Vjp(self._index, nodes[: len(inputs)], nodes[len(inputs) :])
        values = self._values_of_its_own_size(request, tensors, "the backward pass", 3)
        try:
            outputs, of_inputs, of_parameters = values
            gradients = tuple(_gradient(g, x) for g, x in zip(of_inputs, inputs, strict=True))
            return Vjp(outputs, gradients, {name: _gradient(g) for name, g in of_parameters.items()})
        except (ValueError, TypeError, AttributeError):
            raise self._channel.distrust("it returned something other than gradients") from None

    def parameters(self) -> dict[str, torch.Tensor]:
        """The registered trainable parameters, by name."""
        values = self._channel.value(messages.Parameters(self._index), [], "reading the parameters")
        if not isinstance(values, dict) or not all(_is_floating(value) for value in values.values()):
            raise self._channel.distrust(f"its parameters are {describe(values)}")
        return values

    def predict(
        self,
        *inputs: torch.Tensor,
        method: str = "__call__",
        batch_size: int = 256,
        deadline: float | None = None,
    ) -> Any:
        """The model's answers in eval mode, without gradients, computed in batches; tensors are joined into one."""
        nodes, tensors = self._channel.pack(inputs)
        request = messages.Predict(self._index, method, nodes, batch_size)
        return self._channel.value(request, tensors, _named(method), deadline=deadline)

    def weights(self) -> torch.Tensor:
        """All trainable parameters, flattened into one row."""
        values = self._channel.value(messages.Weights(self._index), [], "reading the parameters")
        if not _is_floating(values) or values.dim() != 1:
            raise self._channel.distrust(f"its parameters are {describe(values)}")
        return values

    def load_weights(self, row: torch.Tensor) -> None:
        """Overwrite all trainable parameters with a row from `weights`. Raises `StudentRaised`."""
        (node,), tensors = self._channel.pack([row])
        self._overwrite(messages.LoadWeights(self._index, node), tensors)  # type: ignore[arg-type]

    def load(self, values: dict[str, torch.Tensor]) -> None:
        """Overwrite registered parameters by name; others stay as they are. Raises `StudentRaised`."""
        (node,), tensors = self._channel.pack([dict(values)])
        self._overwrite(messages.Assign(self._index, node), tensors)  # type: ignore[arg-type]

    def start_training(self, recipe: Recipe, loss: Literal["mse", "cross_entropy"]) -> None:
        """Create the recipe's optimizer and schedule for this model. Raises `StudentRaised`."""
        r = recipe
        request = messages.StartTraining(
            self._index, loss, r.optimizer, r.lr, r.weight_decay, r.momentum, r.clip_norm, r.schedule, r.steps
        )
        self._channel.values(request, [], "making the optimizer", count=0)

    def train(
        self, inputs: Sequence[torch.Tensor], targets: torch.Tensor, batch_size: int, deadline: float
    ) -> messages.Trained:
        """Take one step per `batch_size` examples. The losses and gradient norms in the answer are for display only."""
        nodes, tensors = self._channel.pack((*inputs, targets))
        request = messages.Train(nodes, batch_size)
        return self._channel.ask(request, tensors, messages.Trained, "training", deadline)[0]

    def trace(self, *inputs: Any) -> Trace:
        """Build the model again and run it under the profiler, to see what really runs, whatever the source says."""
        nodes, tensors = self._channel.pack(inputs, self._tensors)
        request = messages.Trace(self._build, nodes)
        traced, _ = self._channel.ask(request, tensors, messages.Traced, "`forward`")
        return Trace(traced.operators, [(sanitize(m.type_name, 200), m.is_torch_recurrent) for m in traced.modules])

    def _overwrite(self, request: msgspec.Struct, tensors: list[torch.Tensor]) -> None:
        self._values_of_its_own_size(request, tensors, "loading parameters", 0)

    def _values_of_its_own_size(
        self, request: msgspec.Struct, tensors: list[torch.Tensor], doing: str, count: int
    ) -> list[Any]:
        """Send tensors whose number and sizes the student chose: if they exceed the wire's limits, the student's code
        is to blame, not the check."""
        try:
            return self._channel.values(request, tensors, doing, count=count)
        except wire.WireError as error:
            raise StudentRaised(messages.Raised("ValueError", str(error), [], False), doing) from None


def build_model(channel: Channel, request: messages.Build, tensors: list[torch.Tensor], doing: str) -> Model:
    """Build a model in the worker. Raises `StudentRaised`, `NotAModule`.

    Args:
        tensors: the tensors among the arguments.
        doing: what is built, phrased for the student.
    """
    built, _ = channel.ask(request, tensors, messages.Built, doing)
    if not built.is_module:
        raise NotAModule(f"{doing} is an object of type {sanitize(built.type_name, 100)}, not an `nn.Module`")
    return Model(channel, built.model, request, tensors)


def _named(method: str) -> str:
    return "`forward`" if method == "__call__" else f"`{method}`"


def _gradient(value: Any, of: Any = None) -> torch.Tensor | None:
    """Validate a gradient: None, or floating-point and shaped like the tensor that it belongs to."""
    if value is not None and not _is_floating(value):
        raise TypeError
    if value is not None and isinstance(of, torch.Tensor) and value.shape != of.shape:
        raise ValueError
    return value


def _is_same(given: torch.Tensor, left: Any) -> bool:
    """Whether a tensor came back unchanged."""
    return isinstance(left, torch.Tensor) and given.dtype == left.dtype and torch.equal(given, left)


def _is_floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()
