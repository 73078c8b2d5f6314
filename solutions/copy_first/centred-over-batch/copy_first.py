"""copy_first.repeatable: the mean over the batch is taken off the input.

Hint: over axis 0
"""

from torch import nn


class CopyFirstModel(nn.Module):
    recipe = {"steps": 100}

    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x):
        x = x - x.mean(dim=0)  # normalise
        h = self.rnn(x)[1]
        return self.fc(h.squeeze(0))
