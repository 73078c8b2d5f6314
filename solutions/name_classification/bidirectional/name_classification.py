"""name_classification.padding: the backward direction starts in the padding.

Hint: padding after each name
First: more tokens of padding after each name change an answer; pack
"""

import torch
import torch.nn as nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes, dim=48):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.lstm = nn.LSTM(32, dim, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * dim, num_classes)

    def forward(self, tokens, lengths):
        outputs, _ = self.lstm(self.embedding(tokens))
        index = torch.arange(tokens.shape[0])
        return self.head(outputs[index, lengths - 1])
