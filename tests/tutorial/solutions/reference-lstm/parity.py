"""An LSTM whose last state is read."""

from torch import nn


class ParityModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.LSTM(1, hidden_size, batch_first=True)
        self.readout = nn.Linear(hidden_size, 2)

    def forward(self, x):
        _, (h_n, _) = self.rnn(x)  # (1, B, H)
        return self.readout(h_n[0])
