"""date_seq2seq.causal: the decoder reads tgt from both ends.

Hint: runs backwards
"""

import torch
import torch.nn as nn


class DateConverter(nn.Module):
    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.src_embed = nn.Embedding(src_vocab_size, 32, padding_idx=0)
        self.tgt_embed = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = nn.LSTM(32, 32, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(32, 32, batch_first=True, bidirectional=True)
        self.project = nn.Linear(64, tgt_vocab_size)

    def forward(self, src, tgt):
        _, state = self.encoder(self.src_embed(src))
        return self.project(self.decoder(self.tgt_embed(tgt), state)[0])

    def translate(self, src):
        tokens = torch.ones_like(src[:, :1])
        while tokens.shape[1] <= 10:
            logits = self.forward(src, tokens)
            tokens = torch.hstack([tokens, logits[:, -1:].argmax(-1)])
        return tokens[:, 1:]
