"""date_seq2seq.shapes: the logits come out with the positions first and the batch second.

Hint: the batch first
"""

import torch
from torch import nn


class DateConverter(nn.Module):
    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.src_embed = nn.Embedding(src_vocab_size, 24)
        self.tgt_embed = nn.Embedding(tgt_vocab_size, 24)
        self.encoder = nn.GRU(24, 64)
        self.decoder = nn.GRU(24, 64)
        self.out = nn.Linear(64, tgt_vocab_size)

    def forward(self, src, tgt):
        _, h = self.encoder(self.src_embed(src.t()))
        outputs, _ = self.decoder(self.tgt_embed(tgt.t()), h)
        return self.out(outputs)  # (L, B, V)

    def translate(self, src):
        _, h = self.encoder(self.src_embed(src.t()))
        token = torch.ones(1, src.size(0), dtype=torch.long)
        tokens = []
        for _ in range(10):
            output, h = self.decoder(self.tgt_embed(token), h)
            token = self.out(output).argmax(2)
            tokens.append(token)
        return torch.cat(tokens).t()
