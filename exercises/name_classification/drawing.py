"""The data of one run: letters numbered anew, and names divided into what is trained on, watched, judged and shown."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .corpus import Corpus
from .folding import ALPHABET, stem

PROBE, HELD_OUT, SHOWCASE = 30, 80, 30  # names of each class, where it has enough of them

Labelled = list[tuple[str, int]]
"""Names, and the number of each one's class."""
Examples = tuple[tuple[torch.Tensor, ...], torch.Tensor]
"""(tokens, lengths), and classes."""


@dataclass(frozen=True)
class Parts:
    """A corpus divided: no stem is in two parts."""

    training: Labelled
    probe: Labelled
    held_out: Labelled
    showcase: Labelled

    @classmethod
    def drawn(cls, corpus: Corpus, generator: torch.Generator) -> "Parts":
        """Divide each class.

        What reports show is the same in all runs, and so never among what is judged in another. The rest is divided
        anew: who tunes a model to the names of one run, as can be done at home, gains nothing in the next, and how
        much the division itself moves the score is measured along with all else.
        """
        parts = cls([], [], [], [])
        for number, names in enumerate(corpus.classes.values()):
            families: dict[str, list[str]] = {}
            for name in names:
                families.setdefault(stem(name), []).append(name)
            stems = sorted(families, key=lambda s: hashlib.sha256(s.encode()).digest())
            shown, probe, held_out = (
                min(most, len(stems) // of) for most, of in ((SHOWCASE, 8), (PROBE, 8), (HELD_OUT, 3))
            )
            stems = stems[:shown] + [stems[shown + i] for i in _shuffled(len(stems) - shown, generator)]
            rest = iter(stems)
            for part, count in ((parts.showcase, shown), (parts.probe, probe), (parts.held_out, held_out)):
                taken: list[str] = []
                while len(taken) < count:
                    taken += families[next(rest)]
                part += [(name, number) for name in taken[:count]]
            parts.training.extend((name, number) for s in rest for name in families[s])
        return parts


@dataclass(frozen=True)
class Names:
    """A run's names, in its tokens. Token 0 is padding; the others are the letters, in an order drawn at random."""

    labels: list[str]
    """The classes, by their numbers."""
    letters: str
    """The letter of token 1, of the next, and so on."""
    parts: Parts
    training: Examples
    """All names to train on, class by class."""

    @classmethod
    def drawn(cls, corpus: Corpus, generator: torch.Generator) -> "Names":
        """Draw the numbering and the parts."""
        letters = "".join(ALPHABET[i] for i in _shuffled(len(ALPHABET), generator))
        parts = Parts.drawn(corpus, generator)
        return cls(list(corpus.classes), letters, parts, _examples(parts.training, letters))

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return 1 + len(self.letters)

    def lessons(self, count: int, generator: torch.Generator) -> Examples:
        """Names to train on: each class is as likely as any other, however long its list."""
        (tokens, lengths), classes = self.training
        sizes = classes.bincount(minlength=len(self.labels))
        drawn = torch.randint(len(sizes), (count,), generator=generator)
        place = (torch.rand(count, generator=generator, dtype=torch.float64) * sizes[drawn]).long()
        rows = (sizes.cumsum(0) - sizes)[drawn] + place
        return (tokens[rows], lengths[rows]), drawn

    def probes(self, count: int, generator: torch.Generator) -> Examples:
        """Names by which training is watched."""
        return _examples(self.parts.probe[:count], self.letters)

    def held_outs(self, count: int, generator: torch.Generator) -> Examples:
        """Names by which the model is judged."""
        return _examples(self.parts.held_out[:count], self.letters)

    def shown(self) -> Examples:
        """Names that a report may show."""
        return _examples(self.parts.showcase, self.letters)

    def encode(self, names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (names, longest name), padded on the right, and the lengths (names,)."""
        return _encode(names, self.letters)


def _examples(labelled: Labelled, letters: str) -> Examples:
    return _encode([name for name, _ in labelled], letters), torch.tensor([number for _, number in labelled])


def _encode(names: Sequence[str], letters: str) -> tuple[torch.Tensor, torch.Tensor]:
    token = torch.zeros(128, dtype=torch.long)
    token[[ord(letter) for letter in letters]] = torch.arange(1, 1 + len(letters))
    width = max(map(len, names))
    codes = torch.frombuffer(
        bytearray("".join(name.ljust(width, "\0") for name in names).encode("ascii")), dtype=torch.uint8
    )
    return token[codes.long()].reshape(len(names), width), torch.tensor([len(name) for name in names])


def _shuffled(count: int, generator: torch.Generator) -> list[int]:
    return torch.randperm(count, generator=generator).tolist()
