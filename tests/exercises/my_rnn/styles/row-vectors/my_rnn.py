import math

import torch
from torch import nn


class MyRNN(nn.Module):
    """Row vectors, matrices on the right."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        bound = 1 / math.sqrt(hidden_size)
        self.W_xh = nn.Parameter(torch.empty(input_size, hidden_size))
        self.W_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.b_h = nn.Parameter(torch.empty(hidden_size))
        for p in self.parameters():
            nn.init.uniform_(p, -bound, bound)

    def forward(self, x, h_0=None):
        B, T, I = x.shape
        h = h_0[0] if h_0 is not None else x.new_zeros(B, len(self.b_h))
        outputs = []
        for t in range(T):
            h = torch.tanh(x[:, t] @ self.W_xh + h @ self.W_hh + self.b_h)  # (B, H)
            outputs.append(h)
        return torch.stack(outputs, 1), h[None]
