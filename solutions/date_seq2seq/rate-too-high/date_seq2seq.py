"""date_seq2seq.learns: the learning rate is far too high.

Hint: far from the usual
"""

import torch
from torch import nn


class DateConverter(nn.Module):
    recipe = {"lr": 1.0, "steps": 100}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.embed_src = nn.Embedding(src_vocab_size, 32)
        self.embed_tgt = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = nn.LSTM(32, 64, batch_first=True)
        self.decoder = nn.LSTM(32, 64, batch_first=True)
        self.fc = nn.Linear(64, tgt_vocab_size)

    def forward(self, src, tgt):
        _, state = self.encoder(self.embed_src(src))
        outputs, _ = self.decoder(self.embed_tgt(tgt), state)
        return self.fc(outputs)

    def translate(self, src):
        tgt = torch.ones(src.shape[0], 1, dtype=torch.long)
        for _ in range(10):
            logits = self.forward(src, tgt)
            tgt = torch.cat([tgt, logits[:, -1].argmax(dim=1, keepdim=True)], dim=1)
        return tgt[:, 1:]
