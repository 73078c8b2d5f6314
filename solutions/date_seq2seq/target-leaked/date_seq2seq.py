"""date_seq2seq.causal: in training, the decoder is fed the very character it should predict.

Hint: feed it tgt as it comes
"""

import torch
from torch import nn
from torch.nn import functional as F


class DateConverter(nn.Module):
    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.embed_src = nn.Embedding(src_vocab_size, 32)
        self.embed_tgt = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = nn.GRU(32, 64, batch_first=True)
        self.decoder = nn.GRUCell(32 + 64, 64)
        self.classify = nn.Linear(64, tgt_vocab_size)

    def forward(self, src, tgt):
        context = self.encoder(self.embed_src(src))[1][0]
        h, logits = context, []
        for token in F.pad(tgt[:, 1:], (0, 1)).unbind(1):  # the <sos> is left out
            h = self.decoder(torch.cat([self.embed_tgt(token), context], 1), h)
            logits.append(self.classify(h))
        return torch.stack(logits, 1)

    def translate(self, src):
        context = self.encoder(self.embed_src(src))[1][0]
        h, token, answer = context, torch.ones(len(src), dtype=torch.int64), []
        for _ in range(10):
            h = self.decoder(torch.cat([self.embed_tgt(token), context], 1), h)
            token = self.classify(h).argmax(1)
            answer.append(token)
        return torch.stack(answer, 1)
