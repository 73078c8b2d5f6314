from typing import NamedTuple

import torch
from torch import Tensor, nn

SOS, EOS, LENGTH = 1, 2, 10


class Context(NamedTuple):
    summary: Tensor
    state: Tensor


class DateConverter(nn.Module):
    """Log-probabilities are logits too. Two layers, some dropout while it is trained, and an <eos> at the end."""

    recipe = {"optimizer": "adamw", "lr": 5e-3, "weight_decay": 1e-4, "clip_norm": None}

    def __init__(self, src_vocab_size: int, tgt_vocab_size: int):
        super().__init__()
        self.src_embedding = nn.Embedding(src_vocab_size, 32)
        self.tgt_embedding = nn.Embedding(tgt_vocab_size, 32)
        self.encoder = nn.GRU(32, 64, num_layers=2, batch_first=True)
        self.decoder = nn.GRU(96, 64, num_layers=2, batch_first=True)
        self.dropout = nn.Dropout(0.05)
        self.head = nn.Sequential(nn.LayerNorm(64), nn.Linear(64, tgt_vocab_size), nn.LogSoftmax(dim=-1))

    def encode(self, src: Tensor) -> Context:
        _, h = self.encoder(self.src_embedding(src))
        return Context(self.dropout(h[-1:].transpose(0, 1)), h)

    def step(self, tokens: Tensor, context: Context) -> tuple[Tensor, Context]:
        summary = context.summary.repeat(1, tokens.shape[1], 1)
        outputs, h = self.decoder(torch.cat([self.tgt_embedding(tokens), summary], dim=2), context.state)
        return self.head(outputs), Context(context.summary, h)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.step(tgt, self.encode(src))[0]

    def translate(self, src: Tensor) -> Tensor:
        context = self.encode(src)
        tokens = torch.full((len(src), LENGTH + 2), EOS, device=src.device)
        tokens[:, 0] = SOS
        for i in range(LENGTH):
            log_p, context = self.step(tokens[:, i : i + 1], context)
            tokens[:, i + 1] = log_p[:, 0].argmax(dim=1)
        return tokens[:, 1:]
