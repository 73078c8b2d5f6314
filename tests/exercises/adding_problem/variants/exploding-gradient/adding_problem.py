"""A linear memory that grows at every step."""

import torch
from torch import nn


def make_batch(n, t):
    a = torch.rand(n, t)
    m = torch.zeros(n, t)
    m[:, 0] = m[:, 1] = 1
    m = torch.stack([row[torch.randperm(t)] for row in m])
    return torch.stack((a, m), -1), (a * m).sum(-1)


class AddingModel(nn.Module):
    recipe = {"optimizer": "sgd", "lr": 3e-3, "clip_norm": None, "steps": 100}

    def __init__(self, units):
        super().__init__()
        self.a = nn.Parameter(torch.randn(2, units) / 4)
        self.b = nn.Parameter(1.4 * torch.eye(units))
        self.c = nn.Parameter(torch.randn(units) / units**0.5)

    def forward(self, x):
        s = torch.zeros(len(x), len(self.c))
        for step in x.unbind(1):
            s = step @ self.a + s @ self.b
        return s @ self.c
