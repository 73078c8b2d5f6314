import torch
from torch import nn


class RecurrentStep(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.from_input = nn.Linear(input_size, hidden_size)
        self.from_state = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        return torch.tanh(self.from_input(x) + self.from_state(h))
