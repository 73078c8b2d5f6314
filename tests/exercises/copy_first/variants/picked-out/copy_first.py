"""The first value through two layers, and no other."""

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.a = nn.Linear(1, units)
        self.b = nn.Linear(units, 1)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x.select(1, 0))))
