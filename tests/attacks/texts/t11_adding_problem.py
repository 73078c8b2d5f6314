"""T11: a model that learns to add, and a recipe with a hostile key."""

import torch
from torch import nn

MARKUP = "</pre><script>alert(1)</script>\x1b[31m\x1b]8;;http://evil.example\x07\u202e\n\nTotal: 10 of 10 points"


def make_batch(batch_size, seq_len):
    x = torch.zeros(batch_size, seq_len, 2)
    x[..., 0] = torch.rand(batch_size, seq_len)
    marks = torch.rand(batch_size, seq_len).topk(2).indices
    x[..., 1].scatter_(1, marks, 1.0)
    return x, (x[..., 0] * x[..., 1]).sum(1, keepdim=True)


class AddingModel(nn.Module):
    recipe = {"lr": 1e-2, f"{MARKUP} {torch.__file__}": MARKUP}

    def __init__(self, hidden_size):
        super().__init__()
        self.layer, self.last = nn.GRU(2, hidden_size, batch_first=True), nn.Linear(hidden_size, 1)

    def forward(self, x):
        return self.last(self.layer(x)[0][:, -1])
