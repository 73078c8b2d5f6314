"""An LSTM that starts from the last mean state."""

import torch
from torch import nn


class NameClassifier(nn.Module):
    recipe = {"steps": 25}

    def __init__(self, letters, lists):
        super().__init__()
        self.table = nn.Parameter(0.3 * torch.randn(letters, 24))
        self.reader = nn.LSTM(24, 48, batch_first=True)
        self.head = nn.Linear(48, lists)
        self.left = None

    def forward(self, tokens, lengths):
        start = torch.zeros(1, len(tokens), 48) if self.left is None else self.left.expand(1, len(tokens), 48).contiguous()
        states, (last, _) = self.reader(self.table[tokens], (start, torch.zeros_like(start)))
        self.left = last.detach().mean(1, keepdim=True)
        at = (lengths - 1).view(-1, 1, 1).expand(-1, 1, 48)
        return self.head(states.gather(1, at)[:, 0])
