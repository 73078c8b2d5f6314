import torch
from torch import nn


class MyRNN(nn.Module):
    """Writes the states in place into a tensor made beforehand."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h_0=None):
        B, T, _ = x.shape
        outputs = torch.zeros(B, T, self.hidden_size, dtype=x.dtype, device=x.device)
        h = torch.zeros_like(outputs[:, 0]) if h_0 is None else h_0[0]
        for t in range(T):
            h = torch.tanh(self.W(x[:, t]) + self.U(h))
            outputs[:, t, :] = h
        return outputs, outputs[:, -1].unsqueeze(0)
