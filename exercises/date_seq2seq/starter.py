"""Dates, sequence to sequence: `January 15, 2023` becomes `2023-01-15`.

    DateConverter(src_vocab_size, tgt_vocab_size)

    forward(src, tgt) -> logits (B, L, tgt_vocab_size)     for training: the decoder is fed the right characters

    src   (B, S) int64     the spelled date, padded with 0 on the right
    tgt   (B, L) int64     <sos> and the right characters; logits[:, i] predict what follows tgt[:, i]

    translate(src) -> tokens (B, 10) int64                 for inference: the decoder is fed its own choices

Tokens 0, 1 and 2 are <pad>, <sos> and <eos>. PyTorch's recurrent layers (nn.RNN, nn.GRU, nn.LSTM) are allowed, and so
are cells of your own, and attention.
"""

import torch
from torch import nn

PAD, SOS, EOS = 0, 1, 2


class DateConverter(nn.Module):
    # recipe = {"lr": 3e-3, "clip_norm": 1.0}  # how it is trained, if the default does not suit your model

    def __init__(self, src_vocab_size: int, tgt_vocab_size: int):
        super().__init__()
        # TODO: make an embedding for the characters of the source, and one for those of the answer
        # TODO: make an encoder, a recurrent layer that reads embedded characters
        # TODO: make a decoder; its input at each step is an embedded character, joined with the encoder's state
        # TODO: make a layer that turns the decoder's state into logits

    def encode(self, src: torch.Tensor) -> torch.Tensor:
        """The encoder's state after the last character of each date, before its padding: (B, H)."""
        # TODO: run the encoder over src, and pick the state at the last character of each row
        raise NotImplementedError("encode of DateConverter is still to be written: return (B, H)")

    def forward(self, src: torch.Tensor, tgt: torch.Tensor) -> torch.Tensor:
        # TODO: start the decoder from the encoder's state, and feed it tgt as it comes
        raise NotImplementedError("forward of DateConverter is still to be written: return logits (B, L, V)")

    def translate(self, src: torch.Tensor) -> torch.Tensor:
        # TODO: feed <sos>; then, ten times, take the most likely character, store it, and feed it back
        raise NotImplementedError("translate of DateConverter is still to be written: return tokens (B, 10)")
