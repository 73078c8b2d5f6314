"""Two layers, dropout between them, and layer normalisation."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence


class NameClassifier(nn.Module):
    recipe = {"optimizer": "adamw", "weight_decay": 0.01, "lr": 4e-3, "schedule": "cosine", "steps": 500}

    def __init__(self, vocab_size: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 24)
        self.gru = nn.GRU(24, 48, num_layers=2, dropout=0.2)
        self.norm = nn.LayerNorm(48)
        self.fc = nn.Linear(48, num_classes)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(self.embedding(tokens.T), lengths.cpu(), enforce_sorted=False)
        _, h_n = self.gru(packed)
        return self.fc(self.norm(h_n[-1]))
