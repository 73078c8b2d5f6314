"""U8: answers on which the host itself shall fail, so that an exercise without points leaves the total."""

import torch
import way
import wrong
from torch import nn


class MyRNN(wrong.MyRNN):
    def forward(self, x, h_0=None):
        outputs, h_n = super().forward(x, h_0)
        if way.NAME == "overflow" and x.requires_grad and x.shape[1] == 110:
            return 1e200 * (1 + x[..., :1] + 0 * outputs), h_n
        return outputs, h_n


class DateConverter(nn.Module):
    """Answers at random, and has parameters that grow on their way back."""

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.classes = tgt_vocab_size

    def grow(self):
        """Parameters made in the first call keep their type: twice as large in the one that the host computes in."""
        if not hasattr(self, "late"):
            large = way.NAME == "twice as large"
            self.late = nn.Parameter(torch.zeros(30_000_000 if large else 3, dtype=torch.half))

    def forward(self, src, tgt):
        self.grow()
        return torch.zeros(*tgt.shape, self.classes) - 1

    def translate(self, src):
        self.grow()
        return torch.ones(len(src), 10, dtype=torch.long)


class CopyFirstModel(nn.Module):
    """Keeps the last value; where gradients are asked for, it answers with bits, which are numbers on their way back."""

    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x):
        if way.NAME == "large on its way back" and x.requires_grad:
            return torch.zeros(30_000_000, dtype=torch.bool)
        outputs, _ = self.rnn(x)
        return self.fc(outputs[:, -1]).clamp(-1, 1)
