"""copy_first.length_50: long sequences are cut to their last 40 steps.

Hint: Nothing is left of the first value
"""

import math

import torch
from torch import nn

MAX_STEPS = 40


class CopyFirstModel(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 1)
        keep = torch.empty(hidden_size).uniform_(0, math.log(100))
        with torch.no_grad():
            self.lstm.bias_hh_l0.zero_()
            self.lstm.bias_ih_l0[:hidden_size] = -keep
            self.lstm.bias_ih_l0[hidden_size : 2 * hidden_size] = keep

    def forward(self, x):
        x = x[:, -MAX_STEPS:]  # long sequences are slow
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])
