"""name_classification.alone: the next batch starts from the state of the last one.

Hint: new initial state
First: remembers the previous call; new initial state
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.rnn = nn.GRU(32, 64, batch_first=True)
        self.fc = nn.Linear(64, num_classes)
        self.hidden = None

    def forward(self, tokens, lengths):
        if self.hidden is None or self.hidden.size(1) != len(tokens):
            self.hidden = torch.zeros(1, len(tokens), 64)
        out, hidden = self.rnn(self.embedding(tokens), self.hidden)
        self.hidden = hidden.detach()
        return self.fc(out[torch.arange(len(tokens)), lengths - 1])
