"""my_rnn.initial_state: without h_0 the state starts from random numbers.

Hint: random numbers
"""

import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h_0=None):
        if h_0 is None:
            h_0 = torch.randn(1, x.size(0), self.hidden_size, dtype=x.dtype)
        h = h_0[0]
        outputs = []
        for t in range(x.size(1)):
            h = torch.tanh(self.W(x[:, t]) + self.U(h))
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
