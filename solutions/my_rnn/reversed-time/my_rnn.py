"""my_rnn.sequence: the loop starts at the last time step.

Hint: time runs backwards
"""

import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lin = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h_0=None):
        B, T, _ = x.shape
        h = h_0[0] if h_0 is not None else torch.zeros(B, self.hidden_size, dtype=x.dtype, device=x.device)
        states = [None] * T
        for t in reversed(range(T)):
            h = torch.tanh(self.lin(torch.cat((x[:, t], h), -1)))
            states[t] = h
        return torch.stack(states, dim=1), states[-1].unsqueeze(0)
