"""my_rnn.sequence: one buffer is overwritten and appended at every step.

Hint: last state at every step
First: overwritten | overwritten
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
        h = torch.zeros(x.shape[0], self.hidden_size, dtype=x.dtype)
        if h_0 is not None:
            h.copy_(h_0[0])
        outputs = []
        for t in range(x.shape[1]):
            new = torch.tanh(self.W(x[:, t]) + self.U(h))
            h.copy_(new)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
