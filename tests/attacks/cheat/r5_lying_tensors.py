"""R5: answers and modules that lie about what they are."""

import torch
import way
import wrong
from torch import nn


class Liar(torch.Tensor):
    """Equal to everything, close to everything, of the shape that pleases."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name in ("allclose", "equal"):
            return True
        if name in ("isclose", "eq", "__eq__", "le", "lt"):
            return torch.ones((), dtype=torch.bool)
        return super().__torch_function__(func, types, args, kwargs or {})

    def __eq__(self, other):
        return torch.ones((), dtype=torch.bool)

    def __len__(self):
        return 1

    @property
    def shape(self):
        return torch.Size([4, 7, 5])


class Tuple(tuple):
    """A tuple that is a tensor, if you ask it."""

    @property
    def __class__(self):
        return torch.Tensor

    shape = torch.Size([4, 7, 5])
    dtype = torch.float32


class Kind(type):
    def __instancecheck__(cls, instance):
        return True


class Impostor(metaclass=Kind):
    """No module at all."""

    @property
    def __class__(self):
        return nn.Module


def fooled():
    """Whether a comparison in this process finds a wrong answer right."""
    answer = torch.zeros(5).as_subclass(Liar)
    wanted = torch.ones(4, 7, 5)
    return ["allclose"] * torch.allclose(answer, wanted) + ["shape"] * (answer.shape == wanted.shape)


class MyRNN(wrong.MyRNN):
    def __new__(cls, *sizes):
        return Impostor() if way.NAME == "module" else super().__new__(cls)

    def forward(self, x, h_0=None):
        outputs, h_n = super().forward(x, h_0)
        if way.NAME == "tensor":
            return outputs.as_subclass(Liar), h_n.as_subclass(Liar)
        if way.NAME == "class":
            return Tuple([outputs, h_n])
        return outputs, h_n
