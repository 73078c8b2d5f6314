"""name_classification.learns: the weight decay pulls all weights towards zero.

Hint: weight decay
First: weight decay; towards zero
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    recipe = {"weight_decay": 1.0, "steps": 200}

    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32, padding_idx=0)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.head = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        outputs, _ = self.gru(self.embedding(tokens))
        return self.head(outputs[torch.arange(len(tokens)), lengths - 1])
