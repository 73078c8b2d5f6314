"""adding_problem.learns: a plain tanh network forgets long before 50 steps are over.

Hint: did not beat the trivial baseline
First: vanishes on its way back; a plain tanh layer
"""

import random

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    values = torch.rand(batch_size, seq_len)
    mask = torch.zeros(batch_size, seq_len)
    for row in mask:
        row[random.sample(range(seq_len), 2)] = 1
    return torch.stack((values, mask), -1), torch.sum(values * mask, 1)


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(2, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x):
        outputs, _ = self.rnn(x)
        return self.fc(outputs[:, -1])
