"""adding_problem.gradients: the recurrent layer treats the batch axis as time.

Hint: batch_first=True
First: treats the batch axis as time; batch_first=True
"""

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    values = torch.rand(batch_size, seq_len)
    places = torch.rand(batch_size, seq_len).topk(2, dim=1).indices
    marks = torch.zeros(batch_size, seq_len).scatter(1, places, 1.0)
    return torch.stack([values, marks], dim=2), (values * marks).sum(dim=1, keepdim=True)


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.gru = nn.GRU(2, hidden_size)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.fc(outputs[:, -1])
