"""A GRU, read at the last letter of each name."""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32, padding_idx=0)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.head = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        outputs, _ = self.gru(self.embedding(tokens))  # (B, T, 64)
        rows = torch.arange(len(tokens), device=tokens.device)
        return self.head(outputs[rows, lengths - 1])
