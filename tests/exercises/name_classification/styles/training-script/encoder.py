import torch
from torch import nn


class Encoder(nn.Module):
    """The state of a GRU at the last letter."""

    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.gru = nn.GRU(32, hidden_size, batch_first=True)

    def forward(self, tokens, lengths):
        outputs, _ = self.gru(self.embedding(tokens))
        return outputs[torch.arange(tokens.size(0)), lengths - 1]
