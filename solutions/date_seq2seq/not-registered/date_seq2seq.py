"""date_seq2seq.learns: the layers are kept in a plain dictionary.

Hint: attributes of the module
"""

import torch
from torch import nn


class DateConverter(nn.Module):
    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.layers = {
            "src": nn.Embedding(src_vocab_size, 32),
            "tgt": nn.Embedding(tgt_vocab_size, 32),
            "encoder": nn.LSTM(32, 64, batch_first=True),
            "decoder": nn.LSTM(32, 64, batch_first=True),
            "head": nn.Linear(64, tgt_vocab_size),
        }

    def decode(self, tokens, state):
        outputs, state = self.layers["decoder"](self.layers["tgt"](tokens), state)
        return self.layers["head"](outputs), state

    def encode(self, src):
        return self.layers["encoder"](self.layers["src"](src))[1]

    def forward(self, src, tgt):
        return self.decode(tgt, self.encode(src))[0]

    def translate(self, src):
        state = self.encode(src)
        tokens = [torch.ones(len(src), 1, dtype=torch.long)]
        for _ in range(10):
            logits, state = self.decode(tokens[-1], state)
            tokens.append(logits.argmax(dim=2))
        return torch.cat(tokens[1:], dim=1)
