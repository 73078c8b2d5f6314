"""The mean of the states at the letters of each name."""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32, padding_idx=0)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        states, _ = self.gru(self.embedding(tokens))
        mask = (tokens != 0).unsqueeze(2)
        mean = (states * mask).sum(1) / mask.sum(1)
        return self.fc(mean)
