"""States are divided by the largest of the batch."""

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    recipe = {"steps": 25}

    def __init__(self, units):
        super().__init__()
        self.reader = nn.GRU(1, units, batch_first=True)
        self.out = nn.Linear(units, 1)

    def forward(self, x):
        _, last = self.reader(x)
        return self.out(last[0] / last[0].abs().amax(0))
