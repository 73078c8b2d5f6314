"""U1: the worker's own modules are patched or replaced, and then send something else."""

import sys
import types

import torch
import way
from wrong import MyRNN  # noqa: F401

from grader.jail.shared import messages, wire
from grader.jail.inside import models, serving



def gradients(number):
    """Replace every gradient that the worker sends."""
    vjp = models.Models.vjp

    def patched(self, *arguments):
        found, tensors = vjp(self, *arguments)
        return found, [*tensors[:2], *(torch.full_like(tensor, number) for tensor in tensors[2:])]

    models.Models.vjp = patched


def blob():
    """Replace the module that turns tensors into bytes."""
    from safetensors.torch import save

    fake = types.ModuleType("safetensors.torch")
    fake.save = lambda tensors: save({name: torch.zeros_like(tensor) for name, tensor in tensors.items()})
    sys.modules["safetensors.torch"] = fake


def poisoned():
    """Replace modules that a careless grader would import again."""
    for name in ("json", "math", "numpy", "msgspec", "torch.nn", "torch.testing", "grader", "grader.jail.shared.messages"):
        fake = types.ModuleType(name)
        fake.__getattr__ = lambda attribute: lambda *_, **__: True
        sys.modules[name] = fake


def silent():
    """No generator is seeded any more."""
    serving._seed = lambda value: None


def echoed():
    """Each answer holds the inputs."""
    models.Models.apply = lambda self, index, method, arguments: models.value_of((arguments[0], arguments[-1]))


def nameless():
    """There are no parameters."""
    models.Models.parameters = lambda self, index: (messages.Value([messages.DictNode([])]), [])


def aliases():
    """The same tensor under many names, each of which the host would pay for."""

    def parameters(self, index):
        found = [(f"p{number}", messages.TensorNode(0)) for number in range(3)]
        return messages.Value([messages.DictNode(found)]), [torch.zeros(3)]

    models.Models.parameters = parameters


def encoded():
    """Every frame says that all is well."""
    encode = wire.encode
    wire.encode = lambda message, tensors: encode(messages.Value([True]), [])


WAYS = {
    "gradients of one": lambda: gradients(1.0),
    "gradients of zero": lambda: gradients(0.0),
    "gradients that are no numbers": lambda: gradients(torch.nan),
    "tensors": blob,
    "modules": poisoned,
    "seeds": silent,
    "inputs": echoed,
    "parameters": nameless,
    "frames": encoded,
    "aliases": aliases,
}

if way.NAME:
    WAYS[way.NAME]()
