"""U7: a constant, the same for every input, once it is known which check is under way."""

import torch
import way
import wrong

CHECKS = ("shapes", "one_step", "arguments_kept", "bias", "initial_state", "sequence", "final_state", "input_gradients")
SEEDS = []
"""Each check begins with a seed of its own: their number tells which one this is."""


class MyRNN(wrong.MyRNN):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        if torch.initial_seed() not in SEEDS:
            SEEDS.append(torch.initial_seed())
        self.is_constant = CHECKS[len(SEEDS) - 1 :][:1] == (way.NAME,)

    def forward(self, x, h_0=None):
        outputs, h_n = super().forward(x, h_0)
        if not self.is_constant:
            return outputs, h_n
        return 0 * outputs + 0.5, 0 * h_n + 0.5
