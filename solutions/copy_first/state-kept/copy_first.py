"""copy_first.repeatable: the next batch starts from the state of the last one.

Hint: new initial state
First: remembers the previous call; new initial state
"""

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    recipe = {"steps": 100}

    def __init__(self, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)
        self.state = None

    def forward(self, x):
        if self.state is not None and self.state[0].shape[1] != x.shape[0]:
            self.state = None
        out, (h, c) = self.lstm(x, self.state)
        self.state = (h.detach(), c.detach())
        return self.fc(out[:, -1])
