from itertools import accumulate

import torch
from torch import nn


class MyRNN(nn.Module):
    """A recurrence is a scan."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h_0=None):
        projected = self.W(x)
        start = torch.zeros_like(projected[:, 0]) if h_0 is None else h_0[0]
        states = list(accumulate(projected.unbind(1), lambda h, p: torch.tanh(p + self.U(h)), initial=start))
        return torch.stack(states[1:], dim=1), states[-1].unsqueeze(0)
