"""The tanh recurrence, written to be read."""

import torch
from torch import nn


class MyRNN(nn.Module):
    """h_t = tanh(W x_t + U h_(t-1) + b)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.from_input = nn.Linear(input_size, hidden_size)  # W and b
        self.from_state = nn.Linear(hidden_size, hidden_size, bias=False)  # U

    def forward(self, x, h_0=None):
        batch, time, _ = x.shape
        h = x.new_zeros(batch, self.hidden_size) if h_0 is None else h_0[0]  # (B, H)
        outputs = []
        for t in range(time):
            h = torch.tanh(self.from_input(x[:, t]) + self.from_state(h))
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)  # (B, T, H), (1, B, H)
