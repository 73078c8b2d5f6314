import numpy
import torch


def make_batch(batch_size: int, seq_len: int):
    x = numpy.zeros((batch_size, seq_len, 2))
    y = numpy.zeros(batch_size)
    for k in range(batch_size):
        x[k, :, 0] = numpy.random.uniform(0, 1, seq_len)
        i, j = numpy.random.choice(seq_len, 2, replace=False)
        x[k, [i, j], 1] = 1
        y[k] = x[k, i, 0] + x[k, j, 0]
    return x, y


class AddingModel(torch.nn.Module):
    recipe = {
        "optimizer": "adamw",
        "lr": 0.01,
        "weight_decay": 1e-4,
        "clip_norm": 1.0,
        "batch_size": 64,
        "steps": 800,
        "schedule": "cosine",
    }

    def __init__(self, hidden_size: int):
        super().__init__()
        self.cell = torch.nn.GRUCell(2, hidden_size)
        self.linear = torch.nn.Linear(hidden_size, 1)

    def forward(self, x):
        h = None
        for step in x.unbind(dim=1):
            h = self.cell(step, h)
        return self.linear(h)
