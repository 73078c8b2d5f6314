"""A GRU as it is made by default."""

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    recipe = {"steps": 25}

    def __init__(self, units):
        super().__init__()
        self.reader = nn.GRU(1, units)
        self.out = nn.Linear(units, 1)

    def forward(self, x):
        states, _ = self.reader(x)
        return self.out(states[:, -1])
