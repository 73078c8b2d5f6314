"""A gated cell of its own, made of linear layers, reads and writes."""

import torch
from torch import nn


class GatedCell(nn.Module):
    """h_t = h_(t-1) + z * (candidate - h_(t-1)): the gate z says how much is written anew."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gates = nn.Linear(input_size + hidden_size, 2 * hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x_t, h):
        z, r = torch.sigmoid(self.gates(torch.cat([x_t, h], dim=1))).chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat([x_t, r * h], dim=1)))
        return h + z * (candidate - h)


class DateConverter(nn.Module):
    recipe = {"lr": 1e-2}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.hidden_size = 64
        self.read = nn.Embedding(src_vocab_size, 32)
        self.write = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = GatedCell(32, 64)
        self.decoder = GatedCell(32 + 64, 64)
        self.head = nn.Linear(64, tgt_vocab_size)

    def encode(self, src):
        h = torch.zeros(src.shape[0], self.hidden_size, device=src.device)
        for token, x_t in zip(src.unbind(dim=1), self.read(src).unbind(dim=1), strict=True):
            is_character = (token != 0).unsqueeze(1)
            h = torch.where(is_character, self.encoder(x_t, h), h)  # padding leaves the state as it is
        return h

    def step(self, token, context, h):
        """One step of the decoder: logits (B, V) and its new state (B, H)."""
        h = self.decoder(torch.cat([self.write(token), context], dim=1), h)
        return self.head(h), h

    def forward(self, src, tgt):
        context = h = self.encode(src)
        logits = []
        for token in tgt.unbind(dim=1):
            scores, h = self.step(token, context, h)
            logits.append(scores)
        return torch.stack(logits, dim=1)

    def translate(self, src):
        context = h = self.encode(src)
        token = torch.ones_like(src[:, 0])
        answer = []
        for _ in range(10):
            scores, h = self.step(token, context, h)
            token = scores.argmax(dim=1)
            answer.append(token)
        return torch.stack(answer, dim=1)
