"""name_classification.whole_name: the state is reset at every letter.

Hint: Pass the state on
First: does not depend on letter 1; pass the state on
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.cell = nn.GRUCell(32, 64)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        x = self.embedding(tokens)
        outputs = []
        for t in range(tokens.size(1)):
            h = torch.zeros(tokens.size(0), 64)
            h = self.cell(x[:, t], h)
            outputs.append(h)
        outputs = torch.stack(outputs, dim=1)
        return self.fc(outputs[torch.arange(tokens.size(0)), lengths - 1])
