"""my_rnn.arguments_kept: the new state is written into h_0.

Hint: changes its argument h_0
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
            h_0 = x.new_zeros(1, x.size(0), self.hidden_size)
        h = h_0[0]
        outputs = []
        for t in range(x.size(1)):
            h = torch.tanh(self.W(x[:, t]) + self.U(h))
            outputs.append(h)
        h_0.data[0] = h  # the state after the last step
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
