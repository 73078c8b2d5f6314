"""date_seq2seq.greedy: translate draws each character at random, by its probability.

Hint: take the argmax
First: do not sample: take the argmax
"""

import torch
from torch import nn


class DateConverter(nn.Module):
    recipe = {"lr": 1e-2}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.src_embedding = nn.Embedding(src_vocab_size, 32)
        self.tgt_embedding = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = nn.GRU(32, 64, batch_first=True)
        self.decoder = nn.GRU(32 + 64, 64, batch_first=True)
        self.head = nn.Linear(64, tgt_vocab_size)

    def decode(self, tgt, summary, state):
        x = torch.cat([self.tgt_embedding(tgt), summary.unsqueeze(1).expand(-1, tgt.size(1), -1)], dim=-1)
        x, state = self.decoder(x, state)
        return self.head(x), state

    def forward(self, src, tgt):
        _, state = self.encoder(self.src_embedding(src))
        return self.decode(tgt, state[0], state)[0]

    def translate(self, src):
        _, state = self.encoder(self.src_embedding(src))
        summary = state[0]
        token = torch.ones(src.size(0), 1, dtype=torch.long)
        answer = []
        for _ in range(10):
            logits, state = self.decode(token, summary, state)
            token = torch.multinomial(logits[:, -1].softmax(dim=-1), num_samples=1)
            answer.append(token)
        return torch.cat(answer, dim=1)
