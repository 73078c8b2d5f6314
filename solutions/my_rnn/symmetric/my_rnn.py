"""my_rnn.registered_parameters: U is kept symmetric, which halves its freedom.

Hint: symmetric
"""

import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, hidden_size)
        self.A = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.size(0), self.hidden_size) if h_0 is None else h_0[0]
        U = (self.A + self.A.T) / 2
        outputs = []
        for t in range(x.size(1)):
            h = torch.tanh(self.W(x[:, t]) + h @ U)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
