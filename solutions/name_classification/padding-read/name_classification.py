"""name_classification.padding: a tanh network is read where the padding ends.

Hint: lengths - 1
First: more tokens of padding after each name change an answer; lengths - 1
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.emb = nn.Embedding(vocab_size, 32)
        self.rnn = nn.RNN(32, 64, batch_first=True)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        out, _ = self.rnn(self.emb(tokens))
        return self.fc(out[:, -1])
