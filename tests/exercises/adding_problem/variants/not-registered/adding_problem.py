"""The weights are tensors, kept beside the module."""

import torch
from torch import nn


def make_batch(n, t):
    a = torch.rand(n, t)
    m = torch.zeros(n, t)
    m[:, 0] = m[:, 1] = 1
    m = torch.stack([row[torch.randperm(t)] for row in m])
    return torch.stack((a, m), -1), (a * m).sum(-1)


class AddingModel(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.w = [torch.randn(2 + units, units, requires_grad=True), torch.randn(units, requires_grad=True)]

    def forward(self, x):
        s = x.new_zeros(len(x), len(self.w[1]))
        for frame in x.unbind(1):
            s = torch.tanh(torch.cat([frame, s], 1) @ self.w[0])
        return s @ self.w[1]
