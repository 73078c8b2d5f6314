"""copy_first.gradients: the recurrent layer treats the batch axis as time.

Hint: batch_first=True
First: treats the batch axis as time; batch_first=True
"""

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(1, hidden_size)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, x):
        outputs, h_n = self.rnn(x)
        return self.linear(outputs[:, -1, :])
