import torch
import torch.nn as nn


def make_batch(batch_size, seq_len):
    numbers = torch.rand((batch_size, seq_len, 1))
    mask = torch.zeros((batch_size, seq_len, 1))
    left = torch.randint(0, seq_len // 2, (batch_size, 1, 1))
    right = torch.randint(seq_len // 2, seq_len, (batch_size, 1, 1))
    mask.scatter_(1, left, 1.0).scatter_(1, right, 1.0)
    return torch.cat((numbers, mask), 2), (numbers * mask).sum(1)


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.encoder = nn.GRU(2, hidden_size // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.ReLU(), nn.Linear(hidden_size, 1))

    def forward(self, x):
        _, h = self.encoder(x)
        return self.decoder(torch.cat([h[0], h[1]], dim=1)).squeeze(-1)
