"""Column vectors, and the weights are kept in a dictionary."""

import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.units = units
        self.w = {
            "read": nn.Parameter(torch.randn(units, features)),
            "loop": nn.Parameter(torch.randn(units, units)),
            "shift": nn.Parameter(torch.randn(units, 1)),
        }

    def forward(self, x, h_0=None):
        state = torch.zeros(self.units, x.size(0), dtype=x.dtype) if h_0 is None else h_0[0].mT
        states = []
        for t in range(x.size(1)):
            state = torch.tanh(self.w["read"] @ x[:, t].mT + self.w["loop"] @ state + self.w["shift"])
            states.append(state.mT)
        return torch.stack(states, dim=1), state.mT.unsqueeze(0)
