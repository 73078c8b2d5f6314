"""name_classification.alone: names are sorted by length for packing, and the answers stay in that order.

Hint: neighbours
First: in a different order than the sequences; undo the sorting
"""

from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32, padding_idx=0)
        self.lstm = nn.LSTM(32, 64, batch_first=True)
        self.linear = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        lengths, order = lengths.sort(descending=True, stable=True)
        x = self.embedding(tokens[order])
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True)
        _, (h, c) = self.lstm(packed)
        return self.linear(h[-1])
