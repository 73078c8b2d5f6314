import torch
from torch import nn


class MyRNN(nn.Module):
    """Lets PyTorch work out how many inputs there are."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.from_input = nn.LazyLinear(hidden_size)
        self.from_state = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.size(0), self.hidden_size) if h_0 is None else h_0[0]
        outputs = []
        for t in range(x.size(1)):
            h = torch.tanh(self.from_input(x[:, t]) + self.from_state(h))
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
