"""my_rnn.shapes: forward returns the states without h_n.

Hint: two values
First: return two values: outputs, h_n
"""

import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.linear = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.shape[0], self.hidden_size) if h_0 is None else h_0[0]
        outputs = []
        for x_t in x.unbind(dim=1):
            h = torch.tanh(self.linear(torch.cat([x_t, h], dim=-1)))
            outputs.append(h)
        return torch.stack(outputs, dim=1)
