import torch
from torch import nn


def tanh(z):
    return 2 * torch.sigmoid(2 * z) - 1


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x_to_h = nn.Linear(input_size, hidden_size, bias=False)
        self.h_to_h = nn.Linear(hidden_size, hidden_size, bias=False)
        self.b = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.shape[0], self.hidden_size) if h_0 is None else h_0[0]
        outputs = []
        for t in range(x.shape[1]):
            h = tanh(self.x_to_h(x[:, t]) + self.h_to_h(h) + self.b)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
