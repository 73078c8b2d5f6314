"""name_classification.learns: the state is scaled down at every step, and has soon forgotten how the name began.
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.cell = nn.RNNCell(32, 64)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        x = self.embedding(tokens)
        h = x.new_zeros(len(x), 64)
        for t in range(x.size(1)):
            new = self.cell(x[:, t], 0.03 * h)
            h = torch.where((t < lengths)[:, None], new, h)
        return self.fc(h)
