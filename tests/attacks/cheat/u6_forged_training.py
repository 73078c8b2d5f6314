"""U6: the training loop is replaced: it learns by heart, or not at all, and claims what it likes."""

import torch
import way
from wrong import Untaught as CopyFirstModel

from grader.jail.shared import messages
from grader.jail.inside import models, training

MEMORY = {}


def by_heart():
    """Note the targets down, and answer from the notes."""
    train = training.Trainer.train

    def noting(self, batches):
        kept = list(batches)
        for (x,), targets in kept:
            MEMORY.update(zip((tuple(row.flatten().tolist()) for row in x), targets.tolist(), strict=True))
        return train(self, kept)

    def forward(self, x):
        if self.training or not MEMORY:
            return plain(self, x)
        return torch.tensor([MEMORY.get(tuple(row.flatten().tolist()), [0.0]) for row in x])

    plain = CopyFirstModel.forward
    training.Trainer.train = noting
    CopyFirstModel.forward = forward


def claimed():
    """Take no step, claim the best losses and other parameters each time."""
    training.Trainer.train = lambda self, batches: messages.Trained(*2 * [[1e-9 for _ in batches]])
    models.Models.weights = lambda self, index: models.value_of(torch.randn(1153))
    models.Models.load_weights = lambda self, index, row: models.value_of()


def no_steps():
    """An optimizer that does nothing."""
    torch.optim.Adam.step = lambda self, closure=None: None


def no_number():
    """Answers that no error can be computed of."""
    models.Models.predict = lambda self, *rest: models.value_of(torch.full((len(rest[2][0]), 1), torch.nan))


WAYS = {"by heart": by_heart, "claims": claimed, "no steps": no_steps, "no numbers": no_number}

if way.NAME:
    WAYS[way.NAME]()
