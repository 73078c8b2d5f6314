"""Two GRUs; the decoder sees the encoder's last state at every step."""

import torch
from torch import nn


class DateConverter(nn.Module):
    recipe = {"lr": 1e-2}

    def __init__(self, src_vocab_size, tgt_vocab_size, embedding_size=32, hidden_size=64):
        super().__init__()
        self.src_embedding = nn.Embedding(src_vocab_size, embedding_size)
        self.tgt_embedding = nn.Embedding(tgt_vocab_size, embedding_size)
        self.encoder = nn.GRU(embedding_size, hidden_size, batch_first=True)
        self.decoder = nn.GRU(embedding_size + hidden_size, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, tgt_vocab_size)

    def encode(self, src):
        """The state after the last character of each date, before its padding: (B, H)."""
        outputs, _ = self.encoder(self.src_embedding(src))
        last = (src != 0).sum(dim=1) - 1
        return outputs[torch.arange(len(src), device=src.device), last]

    def decode(self, tgt, context, state):
        """Logits (B, L, V) and the decoder's new state (1, B, H)."""
        characters = self.tgt_embedding(tgt)
        contexts = context.unsqueeze(1).expand(-1, tgt.shape[1], -1)
        outputs, state = self.decoder(torch.cat([characters, contexts], dim=2), state)
        return self.head(outputs), state

    def forward(self, src, tgt):
        context = self.encode(src)
        logits, _ = self.decode(tgt, context, context.unsqueeze(0))
        return logits

    def translate(self, src):
        context = self.encode(src)
        state = context.unsqueeze(0)
        token = torch.ones(len(src), 1, dtype=torch.long, device=src.device)  # <sos>
        answer = []
        for _ in range(10):
            logits, state = self.decode(token, context, state)
            token = logits.argmax(dim=2)
            answer.append(token)
        return torch.cat(answer, dim=1)
