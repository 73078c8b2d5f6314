"""A GRU, with one mark drawn in each half."""

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    half = seq_len // 2
    x = torch.zeros(batch_size, seq_len, 2)
    x[:, :, 0] = torch.rand(batch_size, seq_len)
    rows = torch.arange(batch_size)
    first = torch.randint(0, half, (batch_size,))
    second = torch.randint(half, seq_len, (batch_size,))
    x[rows, first, 1] = 1
    x[rows, second, 1] = 1
    return x, x[rows, first, 0] + x[rows, second, 0]


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.gru = nn.GRU(2, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x):
        _, h_n = self.gru(x)  # (1, B, H)
        return self.head(h_n[-1]).squeeze(1)
