"""copy_first.length_100: backpropagation is truncated to pieces of 60 steps.

Hint: cut on the way
"""

import math

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    chunk = 60

    def __init__(self, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)
        keep = torch.linspace(0, math.log(100), hidden_size)
        self.lstm.bias_ih_l0.data[: 2 * hidden_size] = torch.cat([-keep, keep])
        self.lstm.bias_hh_l0.data[: 2 * hidden_size] = 0

    def forward(self, x):
        state = None
        for piece in x.split(self.chunk, dim=1):
            out, state = self.lstm(piece, state)
            state = tuple(s.detach() for s in state)  # saves memory
        return self.fc(out[:, -1])
