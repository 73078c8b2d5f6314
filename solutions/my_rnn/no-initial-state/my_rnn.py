"""my_rnn.shapes: forward takes no initial state.

Hint: signature
"""

import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x):
        h = x.new_zeros(x.shape[0], self.hidden_size)
        outputs = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.W(x[:, t]) + self.U(h))
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
