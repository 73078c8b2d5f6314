import torch
from torch import nn


class MyRNN(nn.Module):
    """As on the slides: columns, W @ x, and a bias of shape (H, 1)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(0.1 * torch.randn(hidden_size, input_size))
        self.U = nn.Parameter(0.1 * torch.randn(hidden_size, hidden_size))
        self.b = nn.Parameter(torch.zeros(hidden_size, 1))

    def forward(self, x, h_0=None):
        hidden_size = self.U.size(0)
        if h_0 is None:
            h = torch.zeros(hidden_size, x.size(0), dtype=x.dtype, device=x.device)
        else:
            h = h_0[0].T  # (H, B)
        states = []
        for t in range(x.size(1)):
            h = torch.tanh(self.W @ x[:, t].T + self.U @ h + self.b)
            states.append(h.T)
        return torch.stack(states, dim=1), h.T.unsqueeze(0)
