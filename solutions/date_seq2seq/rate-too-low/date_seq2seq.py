"""date_seq2seq.learns: plain gradient descent, with a tiny learning rate.

Hint: far from the usual
"""

import torch
from torch import nn


class DateConverter(nn.Module):
    recipe = {"optimizer": "sgd", "lr": 1e-4, "steps": 100}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.src_embedding = nn.Embedding(src_vocab_size, 16)
        self.tgt_embedding = nn.Embedding(tgt_vocab_size, 16)
        self.encoder = nn.GRU(16, 64, batch_first=True)
        self.decoder = nn.GRU(16, 64, batch_first=True)
        self.out = nn.Linear(64, tgt_vocab_size)

    def step(self, tokens, h):
        y, h = self.decoder(self.tgt_embedding(tokens), h)
        return self.out(y), h

    def forward(self, src, tgt):
        _, h = self.encoder(self.src_embedding(src))
        return self.step(tgt, h)[0]

    def translate(self, src):
        _, h = self.encoder(self.src_embedding(src))
        y = torch.ones(src.size(0), 1, dtype=torch.int64)
        ys = []
        for _ in range(10):
            logits, h = self.step(y, h)
            y = logits.max(dim=2).indices
            ys.append(y)
        return torch.cat(ys, dim=1)
