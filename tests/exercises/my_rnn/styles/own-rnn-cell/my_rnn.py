import torch
from torch import nn


class RNNCell(nn.Module):
    """One step. The name is PyTorch's, the code is mine."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.rand(hidden_size, input_size) - 0.5)
        self.weight_hh = nn.Parameter(torch.rand(hidden_size, hidden_size) - 0.5)
        self.bias_ih = nn.Parameter(torch.rand(hidden_size) - 0.5)
        self.bias_hh = nn.Parameter(torch.rand(hidden_size) - 0.5)

    def forward(self, x, h):
        return torch.tanh(x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh)


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.rnn_cell = RNNCell(input_size, hidden_size)

    def forward(self, x, h_0=None):
        h = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype) if h_0 is None else h_0[0]
        outputs = []
        for t in range(x.size(1)):
            h = self.rnn_cell(x[:, t], h)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
