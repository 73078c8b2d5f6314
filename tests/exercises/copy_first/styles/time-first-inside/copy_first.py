from torch import Tensor, nn, no_grad
from torch import linspace


class CopyFirstModel(nn.Module):
    def __init__(self, hidden_size: int):
        super().__init__()
        self.rnn = nn.GRU(1, hidden_size)
        self.project = nn.Linear(hidden_size, 1, bias=False)
        with no_grad():
            reset, update, new = self.rnn.bias_ih_l0.view(3, hidden_size)
            update += linspace(0.0, 4.6, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        steps_first = x.permute(1, 0, 2)
        outputs, _ = self.rnn(steps_first)
        return self.project(outputs[-1])
