"""my_rnn.one_step: a sigmoid in place of tanh.

Hint: sigmoid
"""

import torch
from torch import nn


class MyCell(nn.Module):
    """One step of the network."""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.linear = nn.Linear(n_in + n_hidden, n_hidden)

    def forward(self, x, h):
        return torch.sigmoid(self.linear(torch.cat([x, h], dim=1)))


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = MyCell(input_size, hidden_size)

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.shape[0], self.hidden_size) if h_0 is None else h_0[0]
        states = []
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            states.append(h)
        return torch.stack(states, dim=1), h.unsqueeze(0)
