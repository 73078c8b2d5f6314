import math

import torch
import torch.nn as nn


class CopyFirstModel(nn.Module):
    def __init__(self, hidden_size):
        super(CopyFirstModel, self).__init__()
        self.hidden_size = hidden_size
        self.cell = nn.LSTMCell(1, hidden_size)
        self.fc = nn.Linear(hidden_size, 1)
        with torch.no_grad():
            keep = torch.rand(hidden_size) * math.log(100)
            i, f, _, _ = self.cell.bias_ih.chunk(4)
            i.copy_(-keep)
            f.copy_(keep)
            self.cell.bias_hh.zero_()

    def forward(self, x):
        batch_size, seq_len, _ = x.size()
        h = torch.zeros(batch_size, self.hidden_size).to(x)
        c = torch.zeros(batch_size, self.hidden_size).to(x)
        for t in range(seq_len):
            h, c = self.cell(x[:, t, :], (h, c))
        return self.fc(h).view(-1)
