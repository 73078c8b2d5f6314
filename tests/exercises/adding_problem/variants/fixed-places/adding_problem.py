"""The marks lie at a quarter and at three quarters."""

import torch
from torch import nn


def make_batch(n, t):
    a, m = torch.rand(n, t), torch.zeros(n, t)
    m[:, t // 4] = 1
    m[:, 3 * t // 4] = 1
    return torch.stack((a, m), -1), (a * m).sum(-1)


class AddingModel(nn.Module):
    recipe = {"steps": 50}

    def __init__(self, units):
        super().__init__()
        self.memory = nn.LSTM(2, units, batch_first=True)
        self.readout = nn.Parameter(torch.randn(units) / units**0.5)

    def forward(self, x):
        states, _ = self.memory(x)
        return states[:, -1] @ self.readout
