import torch
from torch import nn


class MyRNN(nn.Module):
    """A recurrent matrix that cannot be negative: U = V * V."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, hidden_size)
        self.V = nn.Parameter(torch.full((hidden_size, hidden_size), 0.1))

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.size(0), self.hidden_size) if h_0 is None else h_0[0]
        U = self.V * self.V
        outputs = []
        for t in range(x.size(1)):
            h = torch.tanh(self.W(x[:, t]) + h @ U)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
