"""An LSTM that goes on from where it was, through a buffer."""

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
        self.memory = nn.LSTM(2, units, batch_first=True)
        self.readout = nn.Parameter(torch.randn(units) / units**0.5)
        self.register_buffer("left", torch.zeros(2, 1, units), persistent=False)

    def forward(self, x):
        h, c = self.left.mean(1, keepdim=True).expand(-1, len(x), -1).unsqueeze(1).contiguous()
        states, (h, c) = self.memory(x, (h, c))
        self.left = torch.cat([h, c]).detach()
        return states[:, -1] @ self.readout
