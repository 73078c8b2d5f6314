"""Asking a student's model about names: as it was built, and with its parameters drawn anew."""

import torch

from grader import expect_shape
from grader.probes import expect_real

from .folding import ALPHABET

MODEL = "NameClassifier"
LETTERS = 6  # of a made-up name
ONE_EACH = "One number for each name and list: a linear layer from the state (B, H) to num_classes."


def answers(found, count, classes):
    """Logits (B, C) in float64; fails the check that asks where they are none."""
    found = expect_shape(found, (count, classes), "the answer", hint=ONE_EACH)
    return expect_real(found, "the answer")


class Probe:
    """An untrained model, and made-up names to ask it about."""

    def __init__(self, student, task):
        """Build the model, with the parameters that its author gave it. Only where it answers all names alike, as it
        does with a last layer of zeros, those that are zero are drawn at random."""
        self.generator, self.data = student.generator, task.data
        self.names = self._made_up([LETTERS] * 32)
        self.mixed = self._made_up([2 + number % 9 for number in range(32)])
        self.model = student.build(task.model, *task.arguments)
        is_awake = self.is_awake  # asked before its parameters, for lazy layers have none before
        self.parameters = self.model.parameters()
        if not is_awake:
            self._redraw({name: old for name, old in self.parameters.items() if not bool(old.any())}, 0.3)

    def _made_up(self, lengths):
        """Names of these lengths; no letter occurs twice in one."""
        orders = (torch.randperm(26, generator=self.generator)[:length] for length in lengths)
        return ["".join(ALPHABET[letter] for letter in order) for order in orders]

    @property
    def is_awake(self):
        """Whether any two names are answered differently."""
        found = self.ask(self.names)
        return bool((found != found[0]).any())

    def ask(self, names):
        """Logits (names, classes) in eval mode."""
        return self.answers(*self.data.encode(names))

    def answers(self, tokens, lengths):
        """Logits (B, classes) in eval mode."""
        return answers(self.model.predict(tokens, lengths), len(tokens), len(self.data.labels))

    def shake(self, scale):
        """Draw all parameters anew."""
        self._redraw(self.parameters, scale)

    def _redraw(self, chosen, scale):
        drawn = {name: scale * torch.randn(old.shape, generator=self.generator) for name, old in chosen.items()}
        if drawn:
            self.model.load(drawn)
