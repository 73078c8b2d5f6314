import torch
from torch import nn


def make_batch(batch_size, seq_len):
    first = torch.randint(0, seq_len - 1, (batch_size,))
    second = first + 1 + (torch.rand(batch_size) * (seq_len - 1 - first)).long()
    steps = torch.arange(seq_len)
    mask = (steps == first[:, None]) | (steps == second[:, None])
    values = torch.rand(batch_size, seq_len)
    return torch.stack([values, mask.float()], dim=-1), values[mask].view(batch_size, 2).sum(1)


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(2, hidden_size // 2, num_layers=2, dropout=0.05, batch_first=True)
        self.norm = nn.LayerNorm(hidden_size // 2)
        self.out = nn.Linear(hidden_size // 2, 1)

    def forward(self, x):
        outputs, _ = self.rnn(x)
        return self.out(self.norm(outputs[:, -1]))
