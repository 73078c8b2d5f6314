"""The data of a run: characters in tokens numbered anew, examples in disjoint parts, and pools to draw from.

    source = Tokens.drawn("abc", generator, special="␀^$")  # <pad>, <sos> and <eos> are 0, 1 and 2
    parts = Parts.drawn(words, generator, probe=250, held_out=1000, showcase=250)
    pools = Pools.of(parts, lambda words: Pool((source.encode(words),), lengths_of(words)))
    LearningTask(**pools.arguments, ...)

All that is drawn hangs on the generator alone: the same generator gives the same data.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import torch

Examples = tuple[tuple[torch.Tensor, ...], torch.Tensor]
"""Inputs and targets, each with the examples along its first axis."""
Item = TypeVar("Item")
"""What is divided: a word, a date, a name with its class."""


@dataclass(frozen=True)
class Tokens:
    """Which character is which token: the special ones come first, and 0 is padding.

    Raises `ValueError` where a character has two tokens, or there is no special one.
    """

    special: str
    """One character for each special token, as it is shown; the first is the padding's."""
    characters: str
    """The character of the first token after the special ones, of the next, and so on."""

    def __post_init__(self) -> None:
        everything = self.special + self.characters
        twice = sorted({character for character in everything if everything.count(character) > 1})
        if twice:
            raise ValueError(f"a character has one token: {''.join(twice)!r} would have two")
        if not self.special:
            raise ValueError("the first special character is that of the padding: there is none")

    @classmethod
    def drawn(cls, characters: Sequence[str], generator: torch.Generator, *, special: str = "␀") -> "Tokens":
        """These characters, numbered in an order drawn at random."""
        return cls(special, "".join(_shuffled(characters, generator)))

    def __len__(self) -> int:
        """How many tokens there are, the special ones among them."""
        return len(self.special) + len(self.characters)

    def encode(self, texts: Sequence[str], width: int | None = None) -> torch.Tensor:
        """Tokens (texts, width) in int64, padded with 0 on the right; by default as wide as the longest text.

        Raises `ValueError` for a text that is longer, and for a character without a token.
        """
        lengths = torch.tensor([len(text) for text in texts], dtype=torch.long)
        longest = int(lengths.max()) if len(lengths) else 0
        if width is not None and longest > width:
            raise ValueError(f"a text has {longest} characters, more than {width}")
        rows = torch.zeros(len(texts), longest if width is None else width, dtype=torch.long)
        rows[torch.arange(rows.shape[1]) < lengths[:, None]] = self._numbered("".join(texts))
        return rows

    def _numbered(self, text: str) -> torch.Tensor:
        """The tokens (characters,) of a text. By a table, for a run may have a million characters."""
        strange = sorted(set(text) - set(self.special + self.characters))
        if strange:
            raise ValueError(f"there is no token for {strange[0]!r}")
        if not text:
            return torch.zeros(0, dtype=torch.long)
        codes = torch.tensor([ord(character) for character in self.special + self.characters])
        table = torch.zeros(int(codes.max()) + 1, dtype=torch.long)
        table[codes] = torch.arange(len(self))
        raw = bytearray(text.encode("utf-32-le", "surrogatepass"))
        return table[torch.frombuffer(raw, dtype=torch.int32).long()]

    def decode(self, tokens: torch.Tensor) -> str:
        """One row (T,) as text without its padding; what is no token as ?."""
        symbols = self.special + self.characters
        text = "".join(symbols[token] if 0 <= token < len(symbols) else "?" for token in tokens.tolist())
        return text.rstrip(self.special[0])


@dataclass(frozen=True)
class Parts(Generic[Item]):
    """What a run trains on, is watched by, is judged by and may show. No item is in two parts."""

    training: list[Item]
    probe: list[Item]
    """By which training is watched, and stopped."""
    held_out: list[Item]
    """By which the model is judged."""
    showcase: list[Item]
    """What a report may show."""

    @classmethod
    def drawn(
        cls, items: Sequence[Item], generator: torch.Generator, *, probe: int, held_out: int, showcase: int
    ) -> "Parts[Item]":
        """Divide items anew, each by itself; what is left is trained on.

        Raises `ValueError` where nothing is left, or an item is there twice.
        """
        if len(set(items)) < len(items):
            raise ValueError("an item is there twice, and might be in two parts")
        rest = iter(_shuffled(items, generator))
        training = list(islice(rest, max(0, len(items) - probe - held_out - showcase)))
        if not training:
            raise ValueError(f"of {len(items)} items, none is left to train on")
        return cls(training, *(list(islice(rest, count)) for count in (probe, held_out, showcase)))

    @classmethod
    def by_key(
        cls,
        items: Iterable[Item],
        key: Callable[[Item], str],
        generator: torch.Generator,
        *,
        probe: int,
        held_out: int,
        showcase: int,
    ) -> "Parts[Item]":
        """Divide items of one class so that no two parts share a key; what is left is trained on.

        What reports show is the same in all runs, and so never among what is judged in another. The rest is divided
        anew: who tunes a model to the examples of one run, as can be done at home, gains nothing in the next, and how
        much the division itself moves the score is measured along with all else.

        Raises `ValueError` where nothing is left.
        """
        families: dict[str, list[Item]] = {}
        for item in items:
            families.setdefault(key(item), []).append(item)
        keys = sorted(families, key=lambda name: hashlib.sha256(name.encode()).digest())
        rest = iter([*keys[:showcase], *_shuffled(keys[showcase:], generator)])
        shown, watched, judged = (_taken(families, rest, count) for count in (showcase, probe, held_out))
        training = [item for name in rest for item in families[name]]
        if not training:
            raise ValueError(f"of {len(families)} keys, none is left to train on")
        return cls(training, watched, judged, shown)

    @classmethod
    def joined(cls, classes: Iterable["Parts[Item]"]) -> "Parts[Item]":
        """The parts of several classes as those of all, class by class."""
        found = list(classes)
        return cls(
            [item for parts in found for item in parts.training],
            [item for parts in found for item in parts.probe],
            [item for parts in found for item in parts.held_out],
            [item for parts in found for item in parts.showcase],
        )


@dataclass(frozen=True)
class Pool:
    """Examples made once, to draw from."""

    inputs: tuple[torch.Tensor, ...]
    """Each with the examples along its first axis."""
    targets: torch.Tensor
    """(examples, ...)."""

    def __len__(self) -> int:
        return len(self.targets)

    def draw(self, count: int, generator: torch.Generator) -> Examples:
        """So many examples, each as likely as any other, with repetitions."""
        return self._at(torch.randint(len(self), (count,), generator=generator))

    def draw_balanced(self, count: int, generator: torch.Generator) -> Examples:
        """So many examples; each class is as likely as any other, however few examples it has.

        The targets (examples,) are the numbers of their classes.
        """
        sizes = self.targets.unique(return_counts=True)[1]
        drawn = torch.randint(len(sizes), (count,), generator=generator)
        place = (torch.rand(count, generator=generator, dtype=torch.float64) * sizes[drawn]).long()
        by_class = self.targets.argsort(stable=True)
        return self._at(by_class[(sizes.cumsum(0) - sizes)[drawn] + place])

    def first(self, count: int) -> Examples:
        """The first so many examples, or all where there are fewer."""
        return self._at(torch.arange(len(self))[:count])

    def _at(self, rows: torch.Tensor) -> Examples:
        return tuple(part[rows] for part in self.inputs), self.targets[rows]


@dataclass(frozen=True)
class Pools:
    """The examples of a run, in the parts that a `LearningTask` asks for."""

    training: Pool
    probe: Pool
    held_out: Pool
    showcase: Pool
    balanced: bool = False
    """Whether each class is as likely in training as any other, however few examples it has."""

    @classmethod
    def of(
        cls,
        parts: Parts[Item],
        make: Callable[[list[Item]], Pool],
        *,
        taught: Callable[[list[Item]], Pool] | None = None,
        balanced: bool = False,
    ) -> "Pools":
        """Make the examples of each part; those to train on by `taught`, where training is given more."""
        training = (taught or make)(parts.training)
        return cls(training, make(parts.probe), make(parts.held_out), make(parts.showcase), balanced)

    def lessons(self, count: int, generator: torch.Generator) -> Examples:
        """Examples to train on."""
        return (self.training.draw_balanced if self.balanced else self.training.draw)(count, generator)

    def probes(self, count: int, generator: torch.Generator) -> Examples:
        """Examples by which training is watched: the same in each call."""
        return self.probe.first(count)

    def held_outs(self, count: int, generator: torch.Generator) -> Examples:
        """Examples by which the model is judged: the same in each call."""
        return self.held_out.first(count)

    @property
    def arguments(self) -> dict[str, Any]:
        """What a `LearningTask` is told of its data, by name: `LearningTask(**pools.arguments, ...)`."""
        sizes = {"probe": len(self.probe), "held_out": len(self.held_out)}
        return {"draw": self.lessons, "draw_probe": self.probes, "draw_held_out": self.held_outs, **sizes}

    def shown(self) -> Examples:
        """Examples that a report may show."""
        return self.showcase.first(len(self.showcase))


def _shuffled(items: Sequence[Item], generator: torch.Generator) -> list[Item]:
    """The same items in an order drawn at random."""
    return [items[place] for place in torch.randperm(len(items), generator=generator).tolist()]


def _taken(families: dict[str, list[Item]], keys: Iterator[str], count: int) -> list[Item]:
    """So many items, family by family; what is more in the last one is in no part. Raises `ValueError`."""
    taken: list[Item] = []
    while len(taken) < count:
        name = next(keys, None)
        if name is None:
            raise ValueError(f"of {count} items for a part, only {len(taken)} are there")
        taken += families[name]
    return taken[:count]
