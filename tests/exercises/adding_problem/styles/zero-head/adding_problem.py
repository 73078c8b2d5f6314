"""The last layer starts at zero, so that the first answer is its bias: 1, the best guess."""

import torch
import torch.nn as nn


def make_batch(batch_size: int, seq_len: int):
    numbers = torch.rand(batch_size, seq_len)
    places = torch.stack([torch.randperm(seq_len)[:2] for _ in range(batch_size)])
    marks = torch.zeros(batch_size, seq_len)
    marks.scatter_(1, places, 1.0)
    return torch.stack([numbers, marks], dim=-1), (numbers * marks).sum(1)


class AddingModel(nn.Module):
    def __init__(self, hidden_size: int):
        super().__init__()
        self.rnn = nn.GRU(2, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.ones_(self.out.bias)

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.out(states[:, -1, :])
