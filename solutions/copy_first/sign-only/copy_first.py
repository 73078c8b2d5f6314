"""copy_first.length_10: the input is scaled to its sign.

Hint: take no sign
"""

import math

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    recipe = {"steps": 300}

    def __init__(self, hidden_size):
        super().__init__()
        self.gru = nn.GRU(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)
        nn.init.uniform_(self.gru.bias_ih_l0[hidden_size : 2 * hidden_size], 0, math.log(100))

    def forward(self, x):
        x = x / (x.abs() + 1e-8)  # normalise every value
        outputs, _ = self.gru(x)
        return self.fc(outputs[:, -1])
