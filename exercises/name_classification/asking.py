"""Asks a student's model about names, as it was built and with random parameters."""

import torch

from grader.probes import expect_numbers, redraw_parameters

from .folding import ALPHABET

MODEL = "NameClassifier"
LETTERS = 6  # of a made-up name
ONE_EACH = "One number for each name and list: a linear layer from the state (B, H) to num_classes."


def answers(found, count, classes):
    """Logits (B, C) in float64; fails the check that asks where they are none."""
    return expect_numbers(found, (count, classes), "the answer", ONE_EACH)


class Probe:
    """An untrained model, and made-up names to ask it about."""

    def __init__(self, student, task):
        """Build the model, with the parameters that its author gave it. Only where it answers all names alike, as it
        does with a last layer of zeros, those that are zero are drawn at random."""
        self.generator, self.data = student.generator, task.data
        self.names = self._made_up([LETTERS] * 32)
        self.mixed = self._made_up([2 + number % 9 for number in range(32)])
        self.model = student.build(task.model, *task.arguments)
        if not self.is_awake:
            redraw_parameters(self.model, self.generator, 0.3, zeros_only=True)

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
        return self.read(self.model.predict(tokens, lengths))

    def read(self, found):
        """What the model returned for as many names as here are made up, as logits (B, classes)."""
        return answers(found, len(self.names), len(self.data.labels))

    def unread(self):
        """The first letter, counted from 1, that another one can replace without any change of the answer; else None.

        If there is one, all parameters are drawn at random and it is asked again, since small parameters may hide it.
        """
        found = self._unread()
        if found is not None:
            redraw_parameters(self.model, self.generator, 0.3)
            found = self._unread()
        return found

    def _unread(self):
        given = self.ask(self.names)
        for at in range(LETTERS):
            others = [name[:at] + ("e" if name[at] == "a" else "a") + name[at + 1 :] for name in self.names]
            moved = (self.ask(others) != given).any(dim=1).double().mean()
            if moved < 0.9:  # exactly, for the first letter may have almost faded before any training
                return at + 1
        return None
