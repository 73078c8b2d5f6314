"""date_seq2seq.repeatable: the encoder starts from the state in which it left the last batch.

Hint: new initial state
First: remembers the previous call; new initial state
"""

import torch
from torch import nn


class DateConverter(nn.Module):
    recipe = {"lr": 1e-2, "steps": 300}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.src_embedding = nn.Embedding(src_vocab_size, 32)
        self.tgt_embedding = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = nn.GRU(32, 64, batch_first=True)
        self.decoder = nn.GRU(96, 64, batch_first=True)
        self.fc = nn.Linear(64, tgt_vocab_size)
        self.hidden = None

    def encode(self, src):
        if self.hidden is not None and self.hidden.size(1) != len(src):
            self.hidden = None
        _, h = self.encoder(self.src_embedding(src), self.hidden)
        self.hidden = h.detach()
        return h

    def decode(self, tgt, context, h):
        x = torch.cat([self.tgt_embedding(tgt), context.transpose(0, 1).repeat(1, tgt.size(1), 1)], dim=2)
        x, h = self.decoder(x, h)
        return self.fc(x), h

    def forward(self, src, tgt):
        h = self.encode(src)
        return self.decode(tgt, h, h)[0]

    def translate(self, src):
        context = h = self.encode(src)
        out = torch.ones(len(src), 11, dtype=torch.long)
        for t in range(10):
            logits, h = self.decode(out[:, t : t + 1], context, h)
            out[:, t + 1] = logits[:, 0].argmax(dim=1)
        return out[:, 1:]
