"""parity.learns: only the last bit goes into the recurrent layer, once per step.

Hint: every bit
"""

from torch import nn


class ParityModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(1, hidden_size, batch_first=True)
        self.readout = nn.Linear(hidden_size, 2)

    def forward(self, x):
        outputs, _ = self.rnn(x[:, -1:].expand_as(x))
        return self.readout(outputs[:, -1])
