"""The parity of a bit string: is the number of ones odd?

    ParityModel(hidden_size)
    forward(x) -> logits (B, 2)     x (B, T, 1), zeros and ones: for "even" and "odd"

PyTorch's recurrent layers (nn.RNN, nn.GRU, nn.LSTM) are allowed, and so is a cell of your own.
"""

import torch
from torch import nn


class ParityModel(nn.Module):
    # recipe = {"lr": 1e-2, "clip_norm": 1.0}  # how it is trained, if the default does not suit your model

    def __init__(self, hidden_size: int):
        super().__init__()
        # TODO: make a recurrent layer that reads one feature, and a layer that turns its last state into two logits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # TODO: run the recurrent layer over x (B, T, 1), and compute the logits from its last state
        raise NotImplementedError("forward of ParityModel is still to be written: return logits (B, 2)")
