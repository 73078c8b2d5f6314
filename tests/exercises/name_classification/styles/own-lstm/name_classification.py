"""An LSTM cell of its own, on shrinking batches of unfinished names."""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes, hidden=64):
        super().__init__()
        self.hidden = hidden
        self.W_x = nn.Parameter(torch.randn(vocab_size, 4 * hidden) * 0.1)  # a row for each letter
        self.W_h = nn.Parameter(torch.empty(hidden, 4 * hidden))
        nn.init.xavier_uniform_(self.W_h)
        self.b = nn.Parameter(torch.zeros(4 * hidden))
        self.W_out = nn.Parameter(torch.zeros(hidden, num_classes))
        self.b_out = nn.Parameter(torch.zeros(num_classes))

    def forward(self, tokens, lengths):
        h = torch.zeros(len(tokens), self.hidden, device=tokens.device)
        c = torch.zeros_like(h)
        for t in range(int(lengths.max())):
            rows = (lengths > t).nonzero().flatten()
            i, f, g, o = (self.W_x[tokens[rows, t]] + h[rows] @ self.W_h + self.b).chunk(4, dim=1)
            new_c = torch.sigmoid(f) * c[rows] + torch.sigmoid(i) * torch.tanh(g)
            c = c.index_copy(0, rows, new_c)
            h = h.index_copy(0, rows, torch.sigmoid(o) * torch.tanh(new_c))
        return h @ self.W_out + self.b_out
