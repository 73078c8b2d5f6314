"""copy_first.length_10: the learning rate is far too high.

Hint: far from the usual
"""

from torch import nn


class CopyFirstModel(nn.Module):
    recipe = {"lr": 2, "steps": 300}

    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])
