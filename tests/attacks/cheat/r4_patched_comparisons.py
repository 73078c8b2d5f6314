"""R4: everything is equal, everything is close, and no time passes."""

import math
import time

import numpy
import torch
import way
from wrong import MyRNN  # noqa: F401


def attack(kept):
    """Patch all comparisons but those of these names."""

    def yes(*_, **__):
        return True

    for place, names in {
        torch: ["allclose", "isclose", "equal", "eq"],
        torch.Tensor: ["allclose", "isclose", "equal", "eq", "__eq__", "__le__", "__lt__"],
        torch.testing: ["assert_close", "assert_allclose"],
        math: ["isclose", "isfinite"],
        numpy: ["allclose", "isclose", "array_equal"],
        numpy.testing: ["assert_allclose"],
    }.items():
        for name in names:
            if name not in kept:
                setattr(place, name, yes)
    time.monotonic = time.perf_counter = time.time = lambda: 0.0


def fooled():
    """Whether a comparison in this process finds a wrong answer right."""
    attack(())
    return ["allclose"] * torch.allclose(torch.zeros(2), torch.ones(2)) + ["=="] * bool(torch.zeros(2) == torch.ones(2))


if way.NAME:
    attack(("equal",) if way.NAME == "closeness" else ())
