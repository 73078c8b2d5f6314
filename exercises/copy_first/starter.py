"""Copy the first value: carry one number through a sequence of noise.

    CopyFirstModel(hidden_size)
    forward(x) -> (B, 1) or (B,)     one answer for each sequence: its first value

    x   (B, T, 1)    the first value is drawn from N(0, 1), all others are noise, 0.1 * N(0, 1)

It is trained from scratch at each of 10, 30, 50 and 100 steps.
PyTorch's recurrent layers (nn.RNN, nn.GRU, nn.LSTM) are allowed, and so is a cell of your own.
"""

import torch
from torch import nn


class CopyFirstModel(nn.Module):
    # recipe = {"lr": 1e-2, "clip_norm": 1.0}  # how it is trained, if the default does not suit your model

    def __init__(self, hidden_size: int):
        super().__init__()
        # TODO: make a recurrent layer that reads 1 feature, and a layer that turns its last state into a number
        # TODO: initialize the recurrent layer so that it remembers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # TODO: run the recurrent layer over x (B, T, 1), and compute the answer from its last state
        raise NotImplementedError("forward of CopyFirstModel is still to be written: return (B, 1)")
