"""The tanh recurrence, from scratch: h_t = tanh(W x_t + U h_(t-1) + b).

    MyRNN(input_size, hidden_size)
    forward(x, h_0) -> outputs, h_n

    x        (B, T, I)   batch, time steps, input features
    h_0      (1, B, H)   the state before the first step, or None, which means zeros
    outputs  (B, T, H)   the states h_1 ... h_T
    h_n      (1, B, H)   the last of them

Not allowed inside MyRNN: PyTorch's recurrent layers and cells (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, ...).
"""

import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        # TODO: make W, U and b trainable, with nn.Linear or nn.Parameter

    def forward(self, x: torch.Tensor, h_0: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        # TODO: start from h_0, or from zeros if it is None
        # TODO: for each time step t, compute the new state from x[:, t] (B, I) and the previous state (B, H)
        # TODO: return the states of all steps, and the last one
        raise NotImplementedError("forward of MyRNN is still to be written: return outputs and h_n")
