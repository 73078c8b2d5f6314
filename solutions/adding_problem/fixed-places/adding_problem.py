"""adding_problem.fresh: the same two steps are always marked.

Hint: same steps
"""

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    values = torch.rand(batch_size, seq_len)
    marks = torch.zeros(batch_size, seq_len)
    marks[:, seq_len // 4] = 1
    marks[:, 3 * seq_len // 4] = 1
    x = torch.stack([values, marks], dim=-1)
    y = values[:, seq_len // 4] + values[:, 3 * seq_len // 4]
    return x, y


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(input_size=2, hidden_size=hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, x):
        _, h = self.rnn(x)
        return self.out(h.squeeze(0))
