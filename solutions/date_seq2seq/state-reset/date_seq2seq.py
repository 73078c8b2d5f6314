"""date_seq2seq.greedy: in translate, each step of the decoder starts from the encoder's state again.

Hint: restart at every step
First: restart at every step
"""

import torch
from torch import nn


class DateConverter(nn.Module):
    recipe = {"steps": 100}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.src_embedding = nn.Embedding(src_vocab_size, 32)
        self.tgt_embedding = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = nn.LSTM(32, 64, batch_first=True)
        self.decoder = nn.LSTM(32, 64, batch_first=True)
        self.linear = nn.Linear(64, tgt_vocab_size)

    def forward(self, src, tgt):
        _, state = self.encoder(self.src_embedding(src))
        out, _ = self.decoder(self.tgt_embedding(tgt), state)
        return self.linear(out)

    def translate(self, src):
        token = torch.full((len(src), 1), 1, dtype=torch.long)
        tokens = []
        for _ in range(10):
            token = self.forward(src, token).argmax(-1)
            tokens.append(token)
        return torch.cat(tokens, 1)
