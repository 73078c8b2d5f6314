"""name_classification.padding: the final state of a GRU has read the padding.

Hint: pack_padded_sequence
First: more tokens of padding after each name change an answer; lengths - 1
"""

from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 24, padding_idx=0)
        self.gru = nn.GRU(24, 64, batch_first=True)
        self.classify = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        _, h_n = self.gru(self.embedding(tokens))
        return self.classify(h_n.squeeze(0))
