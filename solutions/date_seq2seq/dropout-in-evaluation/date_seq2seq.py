"""date_seq2seq.repeatable: a dropout stays on in evaluation.

Hint: dropout
First: the answer is random; dropout
"""

import torch
import torch.nn.functional as F
from torch import nn


class DateConverter(nn.Module):
    recipe = {"lr": 1e-2}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.src_emb = nn.Embedding(src_vocab_size, 32)
        self.tgt_emb = nn.Embedding(tgt_vocab_size, 32)
        self.enc = nn.GRU(32, 64, batch_first=True)
        self.dec = nn.GRU(96, 64, batch_first=True)
        self.fc = nn.Linear(64, tgt_vocab_size)

    def encode(self, src):
        return F.dropout(self.enc(self.src_emb(src))[1], 0.02)

    def decode(self, tgt, c, h):
        x = torch.cat((self.tgt_emb(tgt), c.permute(1, 0, 2).expand(-1, tgt.shape[1], -1)), dim=2)
        out, h = self.dec(x, h)
        return self.fc(out), h

    def forward(self, src, tgt):
        c = self.encode(src)
        return self.decode(tgt, c, c)[0]

    def translate(self, src):
        c = h = self.encode(src)
        token, tokens = torch.ones(src.shape[0], 1, dtype=torch.long), []
        for _ in range(10):
            out, h = self.decode(token, c, h)
            token = out.argmax(2)
            tokens.append(token)
        return torch.cat(tokens, 1)
