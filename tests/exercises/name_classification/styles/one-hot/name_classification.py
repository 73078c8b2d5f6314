"""One-hot letters instead of an embedding, and a GRU cell by hand."""

import torch
import torch.nn.functional as F
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.vocab_size = vocab_size
        self.cell = nn.GRUCell(vocab_size, 80)
        self.fc = nn.Linear(80, num_classes)

    def forward(self, tokens, lengths):
        x = F.one_hot(tokens, self.vocab_size).float()
        h = torch.zeros(tokens.size(0), 80, device=tokens.device)
        states = []
        for t in range(tokens.size(1)):
            h = self.cell(x[:, t], h)
            states.append(h)
        states = torch.stack(states)  # (T, B, 80)
        return self.fc(states[lengths - 1, torch.arange(tokens.size(0), device=tokens.device)])
