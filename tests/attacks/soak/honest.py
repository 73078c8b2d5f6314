"""No attack: a right answer, a model of its own, a file in its scratch folder."""

import os

import torch


def quick():
    return 7


def attack():
    layer = torch.nn.Linear(8, 8)
    layer(torch.ones(4, 8)).sum().backward()
    with open(os.path.join(os.environ["TMPDIR"], "notes"), "w") as file:
        file.write("kept for this attempt")
    return []
