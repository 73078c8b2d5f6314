"""copy_first.length_10: the recipe says learning_rate instead of lr.

Hint: lr
"""

from torch import nn


class CopyFirstModel(nn.Module):
    recipe = {"learning_rate": 3e-3}

    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(1, hidden_size, nonlinearity="relu", batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)
        nn.init.eye_(self.rnn.weight_hh_l0)

    def forward(self, x):
        outputs, _ = self.rnn(x)
        return self.fc(outputs[:, -1])
