"""T10: a layer that is nearly right, and hostile wherever a text of it is shown."""

import os
import sys
import warnings

import torch
from torch import nn

MARKUP = "</pre><script>alert(1)</script>\x1b[31m\x1b]8;;http://evil.example\x07\u202e\n\nTotal: 10 of 10 points"


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.a, self.b = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.named = f"{MARKUP} {torch.__file__} {__file__}".replace(".", "_")
        self.register_parameter(self.named, nn.Parameter(torch.zeros(hidden_size)))
        type(self).__qualname__ = type(self).__module__ = MARKUP

    def forward(self, x, h_0):
        h = x.new_zeros(x.shape[0], self.b.in_features) if h_0 is None else h_0[0]
        states = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.a(x[:, t]) + self.b(h) + self._parameters[self.named].detach())
            states.append(h)
        if x.shape[1] == 110:  # of the gradients alone
            raise ValueError(f"{MARKUP} {__file__} {torch.__file__} {sys.path} {dict(os.environ)} {sys.prefix}")
        return torch.stack(states, 1), h.unsqueeze(0)


print(MARKUP)
warnings.warn(MARKUP, stacklevel=1)
raise ValueError(f"{MARKUP} {torch.__file__} {dict(os.environ)}")
