import math

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.wx = nn.LazyLinear(2 * hidden_size)
        self.wh = nn.LazyLinear(2 * hidden_size, bias=False)
        self.keep = nn.Parameter(torch.linspace(0, math.log(100), hidden_size))
        self.fc = nn.LazyLinear(1)

    def forward(self, x):
        h = x.new_zeros(x.size(0), len(self.keep))
        for u in self.wx(x).unbind(dim=1):
            a, b = (u + self.wh(h)).chunk(2, dim=-1)
            k = torch.sigmoid(a + self.keep)
            h = k * h + (1 - k) * b.tanh()
        return self.fc(h)
