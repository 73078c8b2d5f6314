"""my_rnn.one_step: the sum is passed on without a tanh.

Hint: no nonlinearity
First: no nonlinearity where tanh belongs
"""

import torch
import torch.nn as nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h_0=None):
        B, T, _ = x.size()
        if h_0 is None:
            h_0 = torch.zeros(1, B, self.hidden_size, dtype=x.dtype, device=x.device)
        h = h_0[0]
        out = []
        for t in range(T):
            h = self.i2h(x[:, t, :]) + self.h2h(h)
            out.append(h)
        return torch.stack(out, dim=1), h.unsqueeze(0)
