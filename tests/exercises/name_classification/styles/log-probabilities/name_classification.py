"""Log-probabilities are logits, too. Sorted by length for packing, and back again."""

from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32, padding_idx=0)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.fc = nn.Linear(64, num_classes)
        self.log_softmax = nn.LogSoftmax(dim=1)

    def forward(self, tokens, lengths):
        sorted_lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(self.embedding(tokens[order]), sorted_lengths.cpu(), batch_first=True)
        outputs, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        last = outputs.gather(1, (sorted_lengths - 1)[:, None, None].expand(-1, 1, 64)).squeeze(1)
        return self.log_softmax(self.fc(last))[order.argsort()]
