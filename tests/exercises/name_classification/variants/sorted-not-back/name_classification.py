"""The shortest names first, and never put back."""

import torch
from torch import nn


class NameClassifier(nn.Module):
    recipe = {"steps": 25}

    def __init__(self, letters, lists):
        super().__init__()
        self.table = nn.Parameter(0.3 * torch.randn(letters, 24))
        self.reader = nn.LSTM(24, 48, batch_first=True)
        self.head = nn.Linear(48, lists)

    def forward(self, tokens, lengths):
        order = lengths.argsort(stable=True)
        tokens, lengths = tokens[order], lengths[order]
        states, _ = self.reader(self.table[tokens])
        at = (lengths - 1).view(-1, 1, 1).expand(-1, 1, 48)
        return self.head(states.gather(1, at)[:, 0])
