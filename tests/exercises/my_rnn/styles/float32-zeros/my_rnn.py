import torch
from torch import nn


class MyRNN(nn.Module):
    """The state of zeros is float32 by name, which is all the exercise asks for."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h_0=None):
        if h_0 is None:
            h_0 = torch.zeros(1, x.size(0), self.hidden_size, dtype=torch.float32)
        h = h_0[0]
        outputs = []
        for t in range(x.size(1)):
            h = torch.tanh(self.W(x[:, t]) + self.U(h))
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
