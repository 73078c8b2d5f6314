"""parity.repeatable: dropout stays on in evaluation mode.

Hint: switch off dropout
"""

from torch import nn
from torch.nn import functional as F


class ParityModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(1, hidden_size, batch_first=True)
        self.readout = nn.Linear(hidden_size, 2)

    def forward(self, x):
        outputs, _ = self.rnn(x)
        return self.readout(F.dropout(outputs[:, -1], 0.2))
