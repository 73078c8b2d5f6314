"""Inside the jail: build, call, inspect and train a student's models, as requests ask for it."""

from typing import Any

import torch

from grader.jail.inside import training
from grader.jail.shared import messages, wire

_RECURRENT = (torch.nn.RNNBase, torch.nn.RNNCellBase)
_PROFILE = torch.autograd.profiler.profile

Answered = tuple[messages.Value, list[torch.Tensor]]


class Models:
    """The models that one check has built, by number, on one device."""

    def __init__(self, device: torch.device):
        self.device = device
        self.models: list[Any] = []
        self.dtypes: list[torch.dtype] = []
        self.trainer: training.Trainer | None = None

    def clear(self) -> None:
        """Forget all models: another check begins."""
        self.models.clear()
        self.dtypes.clear()

    def build(self, kind: Any, build: messages.Build, tensors: list[torch.Tensor]) -> messages.Built:
        """Build `kind(*arguments)`; the answer says whether the result is a module."""
        dtype = getattr(torch, build.dtype)
        with _DefaultDtype(dtype):
            model = kind(*arguments_of(build.arguments, tensors))
        is_module = isinstance(model, torch.nn.Module)
        if is_module:
            torch.nn.Module.to(model, self.device, dtype)
        self.models.append(model)
        self.dtypes.append(dtype)
        return messages.Built(len(self.models) - 1, is_module, wire.type_name(model))

    def apply(self, index: int, method: str, arguments: list[Any]) -> Answered:
        """Call a method without gradients."""
        with torch.no_grad(), _DefaultDtype(self.dtypes[index]):
            return value_of(getattr(self.models[index], method)(*arguments))

    def changes(self, index: int, arguments: list[Any]) -> Answered:
        """Run a forward pass and return the inputs as it left them; the trusted side compares them."""
        self.apply(index, "__call__", arguments)
        return value_of(*arguments)

    def vjp(self, index: int, arguments: list[Any], cotangents: list[Any]) -> Answered:
        """The outputs, and the gradients of `sum <output, cotangent>` for inputs and parameters."""
        model = self.models[index]
        inputs = [a.requires_grad_() if _is_floating(a) else a for a in arguments]
        with _DefaultDtype(self.dtypes[index]):
            outputs = model(*inputs)
        weighted = [
            (output * cotangent).sum()
            for output, cotangent in zip(_tensors_in(outputs), cotangents, strict=False)
            if cotangent is not None and output.requires_grad
        ]
        parameters = _trainable(model)
        leaves = [*(a for a in inputs if _is_floating(a)), *parameters.values()]
        gradients: list[Any] = [None] * len(leaves)
        if weighted and leaves:
            # one scalar: with `grad_outputs`, torch would first import its symbolic-maths packages (0.2 to 0.5 s)
            gradients = list(torch.autograd.grad(sum(weighted), leaves, allow_unused=True))
        of_inputs = tuple(gradients.pop(0) if _is_floating(a) else None for a in inputs)
        return value_of(outputs, of_inputs, dict(zip(parameters, gradients, strict=True)))

    def parameters(self, index: int) -> Answered:
        """The trainable parameters, by name."""
        return value_of(_trainable(self.models[index]))

    def assign(self, index: int, values: dict[str, Any]) -> Answered:
        """Overwrite parameters by name."""
        parameters = _trainable(self.models[index])
        with torch.no_grad():
            for name, value in values.items():
                parameters[name].copy_(value)
        return value_of()

    def weights(self, index: int) -> Answered:
        """All trainable parameters, flattened into one row."""
        parts = [parameter.detach().flatten() for parameter in _trainable(self.models[index]).values()]
        return value_of(torch.cat(parts) if parts else torch.zeros(0))

    def load_weights(self, index: int, row: torch.Tensor) -> Answered:
        """Overwrite all trainable parameters with such a row."""
        parameters = list(_trainable(self.models[index]).values())
        with torch.no_grad():
            for parameter, part in zip(parameters, row.split([p.numel() for p in parameters]), strict=True):
                parameter.copy_(part.view_as(parameter))
        return value_of()

    def predict(self, index: int, method: str, arguments: list[Any], batch_size: int) -> Answered:
        """Call a method in eval mode without gradients, batch by batch; return the joined answers."""
        model = self.models[index]
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad(), _DefaultDtype(self.dtypes[index]):
                batches = zip(*(a.split(batch_size) for a in arguments), strict=True)
                parts = [getattr(model, method)(*batch) for batch in batches]
                can_join = all(isinstance(part, torch.Tensor) and part.dim() for part in parts)
                return value_of(torch.cat(parts) if can_join else parts[0])  # else the check reports what it is
        finally:
            model.train(was_training)

    def start_training(self, index: int, how: messages.StartTraining) -> Answered:
        """Make the optimizer and the schedule."""
        model = self.models[index]
        self.trainer = training.Trainer(model, list(_trainable(model).values()), how)
        return value_of()

    def train(self, arguments: list[Any], batch_size: int) -> messages.Trained:
        """One step per `batch_size` examples of the inputs and, last, the targets."""
        assert self.trainer is not None
        *inputs, targets = (a.split(batch_size) for a in arguments)
        return self.trainer.train((list(batch[:-1]), batch[-1]) for batch in zip(*inputs, targets, strict=True))

    def trace(
        self, kind: Any, build: messages.Build, arguments: list[Any], tensors: list[torch.Tensor]
    ) -> messages.Traced:
        """Build and run under the profiler."""
        with _PROFILE() as profile:
            index = self.build(kind, build, tensors).model
            self.apply(index, "__call__", arguments)
        operators: dict[str, int] = {}
        for event in profile.function_events:
            name = wire.clean(event.name, 100)
            operators[name] = operators.get(name, 0) + 1
        modules = [
            messages.ModuleEntry(wire.type_name(module), isinstance(module, _RECURRENT))
            for module in torch.nn.Module.modules(self.models[index])
        ]
        return messages.Traced(dict(sorted(operators.items())), modules)


class _DefaultDtype:
    """Set torch's default dtype for a block: `torch.zeros(...)` in a student's forward follows it."""

    def __init__(self, dtype: torch.dtype):
        self.dtype = dtype

    def __enter__(self) -> None:
        self.previous = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)

    def __exit__(self, *_: object) -> None:
        torch.set_default_dtype(self.previous)


def _trainable(model: Any) -> dict[str, torch.Tensor]:
    """The registered trainable parameters; a frozen one is a constant of the student's."""
    parameters = torch.nn.Module.named_parameters(model)
    return {name: parameter for name, parameter in parameters if parameter.requires_grad}


def arguments_of(nodes: list[messages.Node], tensors: list[torch.Tensor]) -> list[Any]:
    """The arguments for a student's code, unpacked from a request."""
    return [wire.unpack(node, tensors) for node in nodes]


def value_of(*items: Any) -> Answered:
    """Pack these values into an answer."""
    tensors: list[torch.Tensor] = []
    return messages.Value([wire.pack(item, tensors) for item in items]), tensors


def _is_floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _tensors_in(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [tensor for item in value for tensor in _tensors_in(item)]
    return []
