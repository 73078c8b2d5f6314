"""My RNN, with a comparison to the real one when the file is run."""

import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.size(0), self.hidden_size) if h_0 is None else h_0[0]
        outputs = []
        for t in range(x.size(1)):
            h = torch.tanh(self.W(x[:, t]) + self.U(h))
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)


def test_against_torch():
    mine, theirs = MyRNN(3, 5), nn.RNN(3, 5, batch_first=True)
    theirs.weight_ih_l0, theirs.bias_ih_l0 = mine.W.weight, mine.W.bias
    theirs.weight_hh_l0, theirs.bias_hh_l0 = mine.U.weight, mine.U.bias
    x, h_0 = torch.randn(2, 7, 3), torch.randn(1, 2, 5)
    for a, b in zip(mine(x, h_0), theirs(x, h_0)):
        assert torch.allclose(a, b, atol=1e-6)
    print("equal to nn.RNN")


test_against_torch()

if __name__ == "__main__":
    test_against_torch()
