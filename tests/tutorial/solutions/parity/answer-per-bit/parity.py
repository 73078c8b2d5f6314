"""parity.shapes: there are logits for every bit instead of one row.

Hint: One row of logits
"""

from torch import nn


class ParityModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(1, hidden_size, batch_first=True)
        self.readout = nn.Linear(hidden_size, 2)

    def forward(self, x):
        outputs, _ = self.rnn(x)
        return self.readout(outputs)
