from torch import nn

from cells import KeepingCell, run


class CopyFirstModel(nn.Module):
    def __init__(self, hidden_size=32):
        super().__init__()
        self.cell = KeepingCell(1, hidden_size)
        self.readout = nn.Sequential(nn.LayerNorm(hidden_size), nn.Linear(hidden_size, 1), nn.Flatten(0))

    def forward(self, x):
        return self.readout(run(self.cell, x))
