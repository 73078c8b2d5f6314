import math

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    """Reads the answer off the mean of all states."""

    def __init__(self, hidden_size):
        super().__init__()
        self.gru = nn.GRU(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)
        with torch.no_grad():
            self.gru.bias_ih_l0[hidden_size : 2 * hidden_size] = torch.rand(hidden_size) * math.log(100)

    def forward(self, x):
        states, _ = self.gru(x)
        return self.fc(states.mean(dim=1))
