"""What simple readers without a network make of the names: anchors for lists that nobody has measured yet.

Each reader is naive Bayes on features of a name: how often its class shows them in the names to train on.
"""

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from grader.data import Parts

from .corpus import Corpus, from_faker, from_folder
from .drawing import Labelled, divided

WORTHWHILE = 0.1
Features = Callable[[str], list[str]]


def letters(name: str) -> list[str]:
    """The letters, without their order."""
    return list(name)


def ending(name: str) -> list[str]:
    """The last two letters."""
    return [name[-2:]]


def pieces(name: str) -> list[str]:
    """All pieces of up to four letters, with its edges: about what a small network makes of it, or a little more."""
    edged = f"^{name}$"
    return [edged[at : at + size] for size in range(1, 5) for at in range(len(edged) - size + 1)]


@dataclass(frozen=True)
class Anchors:
    """The scores of simple readers."""

    blind: float
    """The better one of those that do not see the order of the letters, or only the ending."""
    whole: float
    """The one that sees the whole name."""

    def between(self, part: float) -> float:
        """Interpolate between the two scores; at most 1."""
        return min(round(self.blind + part * (self.whole - self.blind), 2), 1.0)


# Measured: the order-blind network 0.54..0.59, the last two letters 0.56..0.61; a tanh network 0.68 and above, gated
# ones 0.72 and above.
OF_FAKER = Anchors(blind=0.59, whole=0.81)


@functools.cache
def _measured(classes: tuple[tuple[str, tuple[str, ...]], ...]) -> Anchors:
    blind, whole = [], []
    for seed in range(3):
        parts = divided(Corpus("", dict(classes)), torch.Generator().manual_seed(seed))
        blind.append(max(accuracy(parts, letters), accuracy(parts, ending)))
        whole.append(accuracy(parts, pieces))
    return Anchors(sum(blind) / 3, sum(whole) / 3)


def measured(corpus: Corpus) -> Anchors:
    """What the readers reach on a corpus, averaged over three divisions of it."""
    return _measured(tuple(corpus.classes.items()))


def chosen(folder: Path | None) -> tuple[Corpus, Anchors]:
    """The names of a course, of Faker or from its own folder, and their anchors. Raises `ValueError` for an unusable
    folder."""
    if folder is None:
        return from_faker(), OF_FAKER
    own = from_folder(folder)
    expect_worthwhile(own)
    return own, measured(own)


def expect_worthwhile(corpus: Corpus) -> None:
    """Raise `ValueError` for lists whose names need not be read as a whole, so that scores could not tell models
    apart."""
    found = measured(corpus)
    if found.whole - found.blind < WORTHWHILE:
        raise ValueError(
            f"names: in {corpus.source}, reading whole names is right in {found.whole:.0%}, and reading only the last "
            f"two letters, or the letters without their order, in {found.blind:.0%}: choose other lists, or longer ones"
        )


def accuracy(parts: Parts[Labelled], features: Features) -> float:
    """The balanced accuracy that a reader of these features reaches on the held-out names."""
    seen = _counts(parts.training, features)
    known = len(set().union(*seen.values()))
    totals = {number: counts.total() for number, counts in seen.items()}
    hits: dict[int, list[bool]] = {number: [] for number in seen}
    for name, number in parts.held_out:
        found = features(name)
        scores = {k: _log_likelihood(found, counts, totals[k], known) for k, counts in seen.items()}
        hits[number].append(max(scores, key=lambda k: scores[k]) == number)
    return sum(sum(h) / len(h) for h in hits.values()) / len(hits)


def _counts(labelled: list[Labelled], features: Features) -> dict[int, Counter[str]]:
    counts: dict[int, Counter[str]] = {}
    for name, number in labelled:
        counts.setdefault(number, Counter()).update(features(name))
    return counts


def _log_likelihood(found: Iterable[str], counts: Counter[str], total: int, known: int) -> float:
    return sum(math.log((counts[feature] + 0.05) / (total + 0.05 * known)) for feature in found)
