"""adding_problem.gradients: every other step is skipped.

Hint: left out
"""

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    values = torch.rand(batch_size, seq_len)
    places = torch.rand(batch_size, seq_len).topk(2, dim=1).indices
    marks = torch.zeros(batch_size, seq_len).scatter(1, places, 1.0)
    return torch.stack([values, marks], dim=2), (values * marks).sum(dim=1, keepdim=True)


class AddingModel(nn.Module):
    recipe = {"steps": 50}

    def __init__(self, hidden_size):
        super().__init__()
        self.inp = nn.Linear(2, hidden_size)
        self.rec = nn.Linear(hidden_size, hidden_size, bias=False)
        self.fc = nn.Linear(hidden_size, 1)
        nn.init.eye_(self.rec.weight)

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.rec.in_features)
        for t in range(0, x.size(1), 2):
            h = torch.relu(self.inp(x[:, t]) + self.rec(h))
        return self.fc(h)
