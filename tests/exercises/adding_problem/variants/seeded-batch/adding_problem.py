"""A generator of its own, made in each call."""

import torch
from torch import nn


def make_batch(n, t):
    g = torch.Generator()
    g.manual_seed(7)
    a = torch.rand(n, t, generator=g)
    m = torch.zeros(n, t).scatter(1, torch.rand(n, t, generator=g).argsort(1)[:, :2], 1.0)
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
