import torch
from torch import nn


class ElmanStep(torch.autograd.Function):
    """One step with its gradient written out."""

    @staticmethod
    def forward(ctx, x, h, W, U, b):
        new = torch.tanh(x @ W + h @ U + b)
        ctx.save_for_backward(x, h, W, U, new)
        return new

    @staticmethod
    def backward(ctx, grad):
        x, h, W, U, new = ctx.saved_tensors
        delta = grad * (1 - new**2)
        return delta @ W.T, delta @ U.T, x.T @ delta, h.T @ delta, delta.sum(0)


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.U = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.b = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.size(0), self.U.size(0)) if h_0 is None else h_0[0]
        outputs = []
        for t in range(x.size(1)):
            h = ElmanStep.apply(x[:, t], h, self.W, self.U, self.b)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h.unsqueeze(0)
