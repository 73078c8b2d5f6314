"""R6: answers that a careless comparison takes for right: NaN, infinity, broadcastable shapes, other types."""

import torch
import way
import wrong

WAYS = {
    "nan": lambda part: torch.full_like(part, torch.nan),
    "infinity": lambda part: torch.full_like(part, torch.inf),
    "scalar": lambda part: part.mean(),
    "one": lambda part: part[:1, :1, :1],
    "expanded": lambda part: part[:1].expand_as(part),
    "bool": lambda part: part > 0,
    "integer": lambda part: part.long(),
    "half": lambda part: part.half(),
    "sparse": lambda part: part.detach().to_sparse(),
    "numbers": lambda part: part.tolist(),
    "nothing": lambda part: None,
}


def fooled():
    """Whether a comparison in this process finds a wrong answer right."""
    wanted = torch.ones(5)
    error = (torch.full((5,), torch.nan) - wanted).abs().max()
    return ["scalar"] * torch.allclose(torch.ones(()), wanted) + ["nan"] * (not error > 1e-6)


class MyRNN(wrong.MyRNN):
    def forward(self, x, h_0=None):
        outputs, h_n = super().forward(x, h_0)
        change = WAYS.get(way.NAME, lambda part: part)
        return change(outputs), change(h_n)
