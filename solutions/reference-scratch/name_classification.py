"""A gated cell of its own, which stands still behind the last letter."""

import torch
from torch import nn


class GatedCell(nn.Module):
    """h_t = h_(t-1) + z * (candidate - h_(t-1)): the gate z says how much is written anew."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gates = nn.Linear(input_size + hidden_size, 2 * hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x_t, h):
        z, r = torch.sigmoid(self.gates(torch.cat([x_t, h], dim=1))).chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat([x_t, r * h], dim=1)))
        return h + z * (candidate - h)


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes, hidden_size=64):
        super().__init__()
        self.hidden_size = hidden_size
        self.embedding = nn.Embedding(vocab_size, 32)
        self.cell = GatedCell(32, hidden_size)
        self.head = nn.Linear(hidden_size, num_classes)

    def forward(self, tokens, lengths):
        x = self.embedding(tokens)
        h = x.new_zeros(len(x), self.hidden_size)
        for t in range(x.shape[1]):
            is_letter = (t < lengths).unsqueeze(1)
            h = torch.where(is_letter, self.cell(x[:, t], h), h)
        return self.head(h)
