"""name_classification.whole_name: the recurrent layer treats the batch axis as time.

Hint: batch_first=True
First: does not depend on letter; batch_first=True
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.gru = nn.GRU(32, 64)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        outputs, _ = self.gru(self.embedding(tokens))
        return self.fc(outputs[torch.arange(len(tokens)), lengths - 1])
