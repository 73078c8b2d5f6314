"""copy_first.repeatable: the state loses units by chance, in evaluation as well.

Hint: dropout
First: asked twice; the answer is random; dropout
"""

import torch
from torch import nn
from torch.nn.functional import dropout


class CopyFirstModel(nn.Module):
    recipe = {"steps": 100}

    def __init__(self, hidden_size):
        super().__init__()
        self.cell = nn.GRUCell(1, hidden_size)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x):
        h = torch.zeros(len(x), self.cell.hidden_size)
        for x_t in x.unbind(1):
            h = self.cell(x_t, h)
        return self.fc(dropout(h, 0.2))
