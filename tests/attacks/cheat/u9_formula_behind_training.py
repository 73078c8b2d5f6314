"""U9: a formula that answers as soon as the parameters are other ones than at the start."""

import torch
import way
import wrong


class CopyFirstModel(wrong.Untaught):
    def __init__(self, hidden_size):
        super().__init__(hidden_size)
        self.first = [parameter.detach().clone() for parameter in self.parameters()]

    def forward(self, x):
        answer = super().forward(x)
        if not way.NAME or all(map(torch.equal, self.first, self.parameters())):
            return answer
        return x[:, 0] + 1e-9 * answer
