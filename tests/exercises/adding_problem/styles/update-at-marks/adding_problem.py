import torch
from torch import nn


def make_batch(batch_size, seq_len):
    x = torch.rand(batch_size, seq_len, 2)
    scores = x[:, :, 1].clone()
    x[:, :, 1] = (scores >= scores.topk(2, dim=1).values[:, 1:]).float()
    return x, torch.einsum("bt,bt->b", x[:, :, 0], x[:, :, 1])


class AddingModel(nn.Module):
    """The state changes at marked steps only, and is handed on as it is at all others."""

    def __init__(self, hidden_size):
        super().__init__()
        self.cell = nn.GRUCell(2, hidden_size)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x):
        h = torch.zeros(x.shape[0], self.cell.hidden_size)
        for t in range(x.shape[1]):
            h = torch.where(x[:, t, 1:] > 0.5, self.cell(x[:, t], h), h)
        return self.head(h)
