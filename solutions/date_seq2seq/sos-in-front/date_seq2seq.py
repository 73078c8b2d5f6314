"""date_seq2seq.greedy: the answer begins with the <sos>.

Hint: no part of the answer
"""

import torch
from torch import nn


class DateConverter(nn.Module):
    recipe = {"steps": 100}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.embed_source = nn.Embedding(src_vocab_size, 32)
        self.embed_target = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = nn.LSTM(32, 64, batch_first=True)
        self.decoder = nn.LSTM(32, 64, batch_first=True)
        self.output = nn.Linear(64, tgt_vocab_size)

    def forward(self, src, tgt):
        state = self.encoder(self.embed_source(src))[1]
        return self.output(self.decoder(self.embed_target(tgt), state)[0])

    def translate(self, src):
        state = self.encoder(self.embed_source(src))[1]
        tokens = [torch.ones(len(src), dtype=torch.long)]
        for _ in range(10):
            output, state = self.decoder(self.embed_target(tokens[-1])[:, None], state)
            tokens.append(self.output(output[:, 0]).argmax(dim=1))
        return torch.stack(tokens, dim=1)
