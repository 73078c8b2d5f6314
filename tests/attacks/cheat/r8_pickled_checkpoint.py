"""R8: a checkpoint that runs code when it is loaded, beside the submission."""

import os
import pickle

import torch
import way
from wrong import MyRNN  # noqa: F401

CHECKPOINT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "model.pt")


def attack():
    """Load it as carelessly as can be."""
    done = []
    for name, load in {
        "torch": lambda: torch.load(CHECKPOINT, weights_only=False),
        "pickle": lambda: pickle.loads(open(CHECKPOINT, "rb").read()),
    }.items():
        try:
            load()
            done.append(name)
        except (OSError, RuntimeError, pickle.UnpicklingError):
            pass
    return done


if way.NAME:
    attack()
