import torch
from torch import nn


class MinimalGatedCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.forget = nn.Linear(input_size + hidden_size, hidden_size)
        self.update = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        f = torch.sigmoid(self.forget(torch.cat([x, h], 1)))
        candidate = torch.tanh(self.update(torch.cat([x, f * h], 1)))
        return (1 - f) * h + f * candidate
