"""A ReLU network that starts as the identity (Le, Jaitly and Hinton, 2015), with its own learning rate."""

import random

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    x = torch.zeros(batch_size, seq_len, 2)
    x[:, :, 0].uniform_(0, 1)
    for sequence in x:
        sequence[random.sample(range(seq_len), 2), 1] = 1.0
    return x, x.prod(dim=2).sum(dim=1)


class AddingModel(nn.Module):
    recipe = {"optimizer": "adam", "lr": 3e-3, "clip_norm": 1.0}

    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(2, hidden_size, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(hidden_size, 1)
        nn.init.normal_(self.rnn.weight_ih_l0, std=0.1)
        nn.init.eye_(self.rnn.weight_hh_l0)
        nn.init.zeros_(self.rnn.bias_ih_l0)
        nn.init.zeros_(self.rnn.bias_hh_l0)

    def forward(self, x):
        outputs, _ = self.rnn(x)
        return self.head(outputs[:, -1])
