"""adding_problem.targets: the target is the mean of the marked numbers.

Hint: their mean
"""

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    x = torch.rand(batch_size, seq_len, 2)
    y = torch.empty(batch_size, 1)
    for b in range(batch_size):
        places = torch.randperm(seq_len)[:2]
        x[b, :, 1] = 0
        x[b, places, 1] = 1
        y[b, 0] = x[b, places, 0].mean()
    return x, y


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(input_size=2, hidden_size=hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, x):
        _, h = self.rnn(x)
        return self.out(h.squeeze(0))
