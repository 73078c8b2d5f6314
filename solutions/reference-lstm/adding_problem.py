"""An LSTM that starts out remembering."""

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    values = torch.rand(batch_size, seq_len)
    marked = torch.rand(batch_size, seq_len).topk(2, dim=1).indices  # two different steps of each sequence
    marks = torch.zeros(batch_size, seq_len).scatter(1, marked, 1.0)
    x = torch.stack([values, marks], dim=2)
    y = (values * marks).sum(dim=1, keepdim=True)
    return x, y  # (B, T, 2), (B, 1)


class AddingModel(nn.Module):
    """The last state of an LSTM, and a linear layer that reads the sum off it."""

    def __init__(self, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(2, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, 1)
        forget = slice(hidden_size, 2 * hidden_size)  # the gates are stacked: input, forget, cell, output
        nn.init.ones_(self.lstm.bias_ih_l0[forget])
        nn.init.zeros_(self.lstm.bias_hh_l0[forget])

    def forward(self, x):
        outputs, _ = self.lstm(x)
        return self.head(outputs[:, -1])
