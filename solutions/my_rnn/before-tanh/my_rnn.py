"""my_rnn.one_step: outputs collects the sums, only the state goes through tanh.

Hint: sums before the tanh
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
        h = x.new_zeros(x.size(0), self.hidden_size) if h_0 is None else h_0[0]
        outputs = []
        for t in range(x.size(1)):
            a = self.W(x[:, t]) + self.U(h)
            h = torch.tanh(a)
            outputs.append(a)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
