import torch
from torch import nn

from gates import MinimalGatedCell


def make_batch(batch_size, seq_len):
    sequences, answers = [], []
    for _ in range(batch_size):
        values = torch.rand(seq_len)
        i, j = torch.randperm(seq_len)[:2].tolist()
        mask = torch.tensor([float(t in (i, j)) for t in range(seq_len)])
        sequences.append(torch.stack([values, mask], dim=1))
        answers.append(values[i] + values[j])
    return torch.stack(sequences), torch.stack(answers)


class AddingModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = MinimalGatedCell(2, hidden_size)
        self.readout = nn.Linear(hidden_size, 1)

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.hidden_size)
        for t in range(x.size(1)):
            h = self.cell(x[:, t], h)
        return self.readout(h)[:, 0]
