"""adding_problem.batch: both marks may fall on the same step.

Hint: same step
"""

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    x = torch.zeros(batch_size, seq_len, 2)
    x[:, :, 0] = torch.rand(batch_size, seq_len)
    rows = torch.arange(batch_size)
    i = torch.randint(0, seq_len, (batch_size,))
    j = torch.randint(0, seq_len, (batch_size,))
    x[rows, i, 1] = 1
    x[rows, j, 1] = 1
    return x, (x[rows, i, 0] + x[rows, j, 0]).unsqueeze(1)


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(input_size=2, hidden_size=hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, x):
        _, h = self.rnn(x)
        return self.out(h.squeeze(0))
