"""A GRU that is given the state it left."""

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    recipe = {"steps": 25}

    def __init__(self, units):
        super().__init__()
        self.reader = nn.GRU(1, units, batch_first=True)
        self.out = nn.Linear(units, 1)
        self.left = None

    def forward(self, x):
        old = self.left if self.left is not None and self.left.shape[1] == len(x) else None
        _, last = self.reader(x, old)
        self.left = last.detach()
        return self.out(last[0])
