"""date_seq2seq.repeatable: the encoder is given the batch first, but takes the first axis for the characters.

Hint: a separate sequence
First: neighbours in the batch; treats the batch axis as time
"""

import torch
from torch import nn


class DateConverter(nn.Module):
    recipe = {"steps": 100}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.src_embedding = nn.Embedding(src_vocab_size, 32)
        self.tgt_embedding = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = nn.GRU(32, 64)
        self.decoder = nn.GRU(32, 64, batch_first=True)
        self.fc = nn.Linear(64, tgt_vocab_size)

    def encode(self, src):
        outputs, _ = self.encoder(self.src_embedding(src))
        return outputs.mean(dim=1).unsqueeze(0)

    def forward(self, src, tgt):
        outputs, _ = self.decoder(self.tgt_embedding(tgt), self.encode(src))
        return self.fc(outputs)

    def translate(self, src):
        state = self.encode(src)
        token = torch.ones(src.shape[0], 1, dtype=torch.long)
        answer = []
        for _ in range(10):
            output, state = self.decoder(self.tgt_embedding(token), state)
            token = self.fc(output).argmax(dim=-1)
            answer.append(token)
        return torch.cat(answer, dim=1)
