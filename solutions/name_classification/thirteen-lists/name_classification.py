"""name_classification.shapes: the number of lists is written into the model.

Hint: expected (6, 3)
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(30, 32)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.fc = nn.Linear(64, 13)

    def forward(self, tokens, lengths):
        outputs, _ = self.gru(self.embedding(tokens))
        return self.fc(outputs[torch.arange(len(tokens)), lengths - 1])
