"""name_classification.alone: a dropout stays on in evaluation.

Hint: dropout
First: asked twice; the answer is random; dropout
"""

import torch
import torch.nn.functional as F
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        outputs, _ = self.gru(self.embedding(tokens))
        h = outputs[torch.arange(len(tokens)), lengths - 1]
        return self.fc(F.dropout(h, 0.1))
