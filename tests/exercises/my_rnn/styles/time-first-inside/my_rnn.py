import torch
from torch import nn


class MyRNN(nn.Module):
    """Turns x to time first, and the answer back."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.net = nn.Sequential(nn.Linear(input_size + hidden_size, hidden_size), nn.Tanh())

    def forward(self, x, h_0):
        x = x.permute(1, 0, 2)  # (T, B, I)
        h = h_0[0] if h_0 is not None else torch.zeros(x.shape[1], self.hidden_size, dtype=x.dtype)
        outputs = []
        for x_t in x:
            h = self.net(torch.cat([x_t, h], -1))
            outputs.append(h)
        return torch.stack(outputs).transpose(0, 1), h.unsqueeze(0)
