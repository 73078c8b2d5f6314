"""name_classification.logits: the model ends with a softmax, and the cross entropy takes another.

Hint: Leave the softmax out
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.fc = nn.Linear(64, num_classes)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, tokens, lengths):
        out, _ = self.gru(self.embedding(tokens))
        last = out[torch.arange(out.size(0)), lengths - 1]
        return self.softmax(self.fc(last))
