"""name_classification.learns: the learning rate is far too low.

Hint: far from the usual
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    recipe = {"optimizer": "adamw", "lr": 1e-6, "steps": 400}

    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        outputs, _ = self.gru(self.embedding(tokens))
        return self.fc(outputs[torch.arange(len(tokens)), lengths - 1])
