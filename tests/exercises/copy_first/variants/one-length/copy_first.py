"""A layer for a hundred states."""

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.reader = nn.GRU(1, units, batch_first=True)
        self.out = nn.Linear(100 * units, 1)

    def forward(self, x):
        states, _ = self.reader(x)
        return self.out(states.flatten(start_dim=1))
