import torch
from torch import nn


class MyRNN(nn.Module):
    """Some parameters are from an earlier attempt and used by nobody."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W_ih = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.W_hh = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.b_ih = nn.Parameter(torch.zeros(hidden_size))
        self.b_hh = nn.Parameter(torch.zeros(hidden_size))
        self.fc = nn.Linear(hidden_size, 1)
        self.h_0 = nn.Parameter(torch.zeros(1, 1, hidden_size))

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.size(0), self.W_hh.size(0)) if h_0 is None else h_0[0]
        outputs = []
        for t in range(x.size(1)):
            h = torch.tanh(x[:, t] @ self.W_ih + h @ self.W_hh + self.b_ih)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
