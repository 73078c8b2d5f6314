"""The wrong code of these attacks: each mistake costs a check, and an attack must not earn it back."""

import torch
from torch import nn


class MyRNN(nn.Module):
    """No bias, a state detached at each step, h_n of the first step, and the last state written into h_0."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.from_input = nn.Linear(input_size, hidden_size, bias=False)
        self.from_state = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.shape[0], self.hidden_size) if h_0 is None else h_0[0].clone()
        outputs = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.from_input(x[:, t]) + self.from_state(h.detach()))
            outputs.append(h)
        if h_0 is not None:
            h_0.data[0] = h
        return torch.stack(outputs, dim=1), outputs[0].unsqueeze(0)


class Untaught(nn.Module):
    """A network for `copy_first` that stops long before it has learned anything."""

    recipe = {"steps": 5}

    def __init__(self, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(1, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x):
        _, h_n = self.rnn(x)
        return self.head(h_n[-1])
