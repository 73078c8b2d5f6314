"""Names, classified: which of several lists does a name come from?

    NameClassifier(vocab_size, num_classes)
    forward(tokens, lengths) -> (B, num_classes)     logits: one number for each name and list

    tokens    (B, T), int64     the letters of each name as numbers; 0 is padding, on the right
    lengths   (B,), int64       how many letters each name has

PyTorch's layers are allowed, and so is a cell of your own.
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    # recipe = {"lr": 5e-3, "clip_norm": 1.0}  # how it is trained, if the default does not suit your model

    def __init__(self, vocab_size: int, num_classes: int):
        super().__init__()
        # TODO: make an embedding of the letters, a recurrent layer, and a layer that turns its state into logits

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        # TODO: run the recurrent layer over the letters, and read its state at the last letter of each name
        raise NotImplementedError("forward of NameClassifier is still to be written: return logits (B, C)")
