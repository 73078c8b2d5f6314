"""The adding problem: add the two marked numbers of a sequence.

    make_batch(batch_size, seq_len) -> x, y

    x   (B, T, 2)          feature 0: random numbers in [0, 1); feature 1: 1 at two different steps, 0 elsewhere
    y   (B, 1) or (B,)     the sum of the two marked numbers

    AddingModel(hidden_size)
    forward(x) -> (B, 1) or (B,)     one answer for each sequence

PyTorch's recurrent layers (nn.RNN, nn.GRU, nn.LSTM) are allowed, and so is a cell of your own.
"""

import torch
from torch import nn


def make_batch(batch_size: int, seq_len: int) -> tuple[torch.Tensor, torch.Tensor]:
    # TODO: draw the numbers, (B, T)
    # TODO: mark two different steps of each sequence
    # TODO: stack numbers and marks into x, (B, T, 2), and add up the marked numbers
    raise NotImplementedError("make_batch is still to be written: return x (B, T, 2) and y (B, 1)")


class AddingModel(nn.Module):
    # recipe = {"lr": 1e-2, "clip_norm": 1.0}  # how it is trained, if the default does not suit your model

    def __init__(self, hidden_size: int):
        super().__init__()
        # TODO: make a recurrent layer that reads 2 features, and a layer that turns its last state into a number

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # TODO: run the recurrent layer over x (B, T, 2), and compute the answer from its last state
        raise NotImplementedError("forward of AddingModel is still to be written: return (B, 1)")
