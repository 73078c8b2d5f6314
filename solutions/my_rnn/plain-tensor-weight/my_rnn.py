"""my_rnn.registered_parameters: U is a plain tensor, which no optimiser will see.

Hint: stays the same
"""

import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.U = torch.randn(hidden_size, hidden_size, requires_grad=True)
        self.b = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.size(0), self.hidden_size) if h_0 is None else h_0[0]
        outputs = []
        for t in range(x.size(1)):
            h = torch.tanh(x[:, t] @ self.W + h @ self.U.to(x.dtype) + self.b)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
