"""copy_first.length_10: the learning rate is far too low.

Hint: far from the usual
"""

from torch import nn


class CopyFirstModel(nn.Module):
    recipe = {"lr": 1e-5, "steps": 300}

    def __init__(self, hidden_size):
        super().__init__()
        self.gru = nn.GRU(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.fc(outputs[:, -1])
