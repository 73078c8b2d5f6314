"""The data of one run: letters numbered at random, and names split into training, validation, held-out and showcase."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from grader.data import Parts, Pool, Pools, Tokens

from .corpus import Corpus
from .folding import ALPHABET, stem

Labelled = tuple[str, int]
"""A name, and the number of its class."""


def divided(corpus: Corpus, generator: torch.Generator) -> Parts[Labelled]:
    """Divide each class: no stem is in two parts."""
    return Parts.joined(_of_class(names, number, generator) for number, names in enumerate(corpus.classes.values()))


def _of_class(names: Sequence[str], number: int, generator: torch.Generator) -> Parts[Labelled]:
    stems = len({stem(name) for name in names})
    return Parts.by_key(
        [(name, number) for name in names],
        lambda labelled: stem(labelled[0]),
        generator,
        probe=min(30, stems // 8),
        held_out=min(80, stems // 3),
        showcase=min(30, stems // 8),
    )


@dataclass(frozen=True)
class Names:
    """A run's names, in its tokens."""

    labels: list[str]
    """The classes, by their numbers."""
    tokens: Tokens
    parts: Parts[Labelled]
    pools: Pools
    """(tokens, lengths), and classes; in training, each class is as likely as any other, however long its list."""

    @classmethod
    def drawn(cls, corpus: Corpus, generator: torch.Generator) -> "Names":
        """Draw the numbering and the parts."""
        tokens = Tokens.drawn(ALPHABET, generator)
        parts = divided(corpus, generator)

        def asked(names: list[Labelled]) -> Pool:
            return Pool(encoded([name for name, _ in names], tokens), torch.tensor([number for _, number in names]))

        return cls(list(corpus.classes), tokens, parts, Pools.of(parts, asked, balanced=True))

    def encode(self, names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (names, longest name), padded on the right, and the lengths (names,)."""
        return encoded(names, self.tokens)


def encoded(names: Sequence[str], tokens: Tokens) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (names, longest name), padded on the right, and the lengths (names,)."""
    return tokens.encode(names), torch.tensor([len(name) for name in names])
