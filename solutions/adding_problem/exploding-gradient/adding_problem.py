"""adding_problem.learns: plain gradient descent without clipping, on weights that amplify the state.

Hint: The gradients explode
"""

import torch
from torch import nn


def make_batch(batch_size, seq_len):
    values = torch.rand(batch_size, seq_len)
    places = torch.rand(batch_size, seq_len).topk(2, dim=1).indices
    marks = torch.zeros(batch_size, seq_len).scatter(1, places, 1.0)
    return torch.stack([values, marks], dim=2), (values * marks).sum(dim=1, keepdim=True)


class AddingModel(nn.Module):
    recipe = {"optimizer": "sgd", "lr": 1e-2, "clip_norm": None, "steps": 200}

    def __init__(self, hidden_size):
        super().__init__()
        self.inp = nn.Linear(2, hidden_size)
        self.rec = nn.Linear(hidden_size, hidden_size, bias=False)
        self.fc = nn.Linear(hidden_size, 1)
        self.rec.weight.data = 1.3 * torch.eye(hidden_size)

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.rec.in_features)
        for t in range(x.size(1)):
            h = torch.relu(self.inp(x[:, t]) + self.rec(h))
        return self.fc(h)
