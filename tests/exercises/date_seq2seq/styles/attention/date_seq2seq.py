"""Attention of the dot-product kind over a bidirectional encoder, without a fixed-size bottleneck."""

import math

import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.query = nn.Linear(size, size, bias=False)

    def forward(self, states, memory, mask):
        scores = self.query(states) @ memory.transpose(1, 2) / math.sqrt(memory.shape[2])  # (B, L, S)
        weights = scores.masked_fill(mask.unsqueeze(1), float("-inf")).softmax(dim=2)
        return weights @ memory


class DateConverter(nn.Module):
    def __init__(self, src_vocab_size, tgt_vocab_size, size=64):
        super().__init__()
        self.src_embedding = nn.Embedding(src_vocab_size, 32, padding_idx=0)
        self.tgt_embedding = nn.Embedding(tgt_vocab_size, 32, padding_idx=0)
        self.encoder = nn.GRU(32, size // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(32, size, batch_first=True)
        self.attention = Attention(size)
        self.output = nn.Sequential(nn.Linear(2 * size, size), nn.Tanh(), nn.Linear(size, tgt_vocab_size))

    def encode(self, src):
        memory, _ = self.encoder(self.src_embedding(src))
        return memory, src == 0

    def decode(self, tgt, memory, mask, h=None):
        states, h = self.decoder(self.tgt_embedding(tgt), h)
        context = self.attention(states, memory, mask)
        return self.output(torch.cat([states, context], dim=2)), h

    def forward(self, src, tgt):
        logits, _ = self.decode(tgt, *self.encode(src))
        return logits

    def translate(self, src):
        memory, mask = self.encode(src)
        h, token, answer = None, src.new_full((src.size(0), 1), 1), []
        for _ in range(10):
            logits, h = self.decode(token, memory, mask, h)
            token = logits.argmax(dim=-1)
            answer.append(token)
        return torch.cat(answer, dim=1)
