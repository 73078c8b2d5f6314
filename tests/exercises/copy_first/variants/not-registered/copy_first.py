"""The layers are kept in a tuple."""

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.parts = nn.GRU(1, units, batch_first=True), nn.Linear(units, 1)

    def forward(self, x):
        return self.parts[1](self.parts[0](x)[1][0])
