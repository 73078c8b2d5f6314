"""No recurrence at all: convolutions over the letters, and the largest answer of each; padding is masked out."""

import torch
from torch import nn


class NameClassifier(nn.Module):
    recipe = {"lr": 2e-3}

    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32, padding_idx=0)
        self.conv = nn.Conv1d(32, 128, kernel_size=3, padding=1)
        self.fc = nn.Linear(128, num_classes)

    def forward(self, tokens, lengths):
        is_letter = (torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]).unsqueeze(1)
        features = self.conv(self.embedding(tokens).transpose(1, 2))
        return self.fc(features.masked_fill(~is_letter, float("-inf")).amax(dim=2).relu())
