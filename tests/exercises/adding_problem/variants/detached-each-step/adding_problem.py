"""An own cell whose state is copied by its numbers."""

import torch
from torch import nn


def make_batch(n, t):
    a = torch.rand(n, t)
    m = torch.zeros(n, t)
    m[:, 0] = m[:, 1] = 1
    m = torch.stack([row[torch.randperm(t)] for row in m])
    return torch.stack((a, m), -1), (a * m).sum(-1)


class AddingModel(nn.Module):
    recipe = {"steps": 50}

    def __init__(self, units):
        super().__init__()
        self.step = nn.Parameter(torch.randn(units + 2, units) / units**0.5)
        self.readout = nn.Linear(units, 1)
        self.units = units

    def forward(self, x):
        s = x.new_zeros(len(x), self.units)
        for frame in x.unbind(1):
            s = torch.tanh(torch.cat([frame, torch.from_numpy(s.detach().cpu().numpy()).to(x)], 1) @ self.step)
        return self.readout(s)
