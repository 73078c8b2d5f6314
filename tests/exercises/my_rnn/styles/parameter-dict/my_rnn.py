import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.p = nn.ParameterDict(
            {
                "W": nn.Parameter(torch.randn(input_size, hidden_size) * 0.01),
                "U": nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.01),
                "b": nn.Parameter(torch.zeros(hidden_size)),
            }
        )

    def step(self, x, h):
        return torch.tanh(x @ self.p["W"] + h @ self.p["U"] + self.p["b"])

    def forward(self, x, h_0=None):
        hs = [torch.zeros(x.size(0), self.p["b"].numel(), dtype=x.dtype) if h_0 is None else h_0[0]]
        for t in range(x.size(1)):
            hs.append(self.step(x[:, t], hs[-1]))
        return torch.stack(hs[1:], dim=1), hs[-1].unsqueeze(0)
