"""The data of a run: randomly numbered tokens, disjoint splits, and pools of examples to draw from.

    source = Tokens.drawn("abc", generator, special="␀^$")  # <pad>, <sos> and <eos> are 0, 1 and 2
    parts = Parts.drawn(words, generator, probe=250, held_out=1000, showcase=250)
    pools = Pools.of(parts, lambda words: Pool((source.encode(words),), lengths_of(words)))
    LearningTask(**pools.arguments, ...)

Everything drawn depends on the generator alone: the same generator gives the same data.
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
"""What is split: a word, a date, a name with its class."""


@dataclass(frozen=True)
class Tokens:
    """A mapping between characters and tokens: the special ones come first, and 0 is padding.

    Raises `ValueError` if a character has two tokens, or there are no special ones.
    """

    special: str
    """The character that displays each special token; the first is for padding."""
    characters: str
    """The character of the first token after the special ones, of the next, and so on."""

    def __post_init__(self) -> None:
        everything = self.special + self.characters
        twice = sorted({character for character in everything if everything.count(character) > 1})
        if twice:
            raise ValueError(f"a character has one token: {''.join(twice)!r} would have two")
        if not self.special:
            raise ValueError("there must be a special character, because the first one is for padding")

    @classmethod
    def drawn(cls, characters: Sequence[str], generator: torch.Generator, *, special: str = "␀") -> "Tokens":
        """These characters, numbered in an order drawn at random."""
        return cls(special, "".join(_shuffled(characters, generator)))

    def __len__(self) -> int:
        """The number of tokens, special ones included."""
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
        """The tokens (characters,) of a text. Uses a lookup table, since a run may have a million characters."""
        strange = sorted(set(text) - set(self.special + self.characters))
        if strange:
            raise ValueError(f"no token for {strange[0]!r}")
        if not text:
            return torch.zeros(0, dtype=torch.long)
        codes = torch.tensor([ord(character) for character in self.special + self.characters])
        table = torch.zeros(int(codes.max()) + 1, dtype=torch.long)
        table[codes] = torch.arange(len(self))
        raw = bytearray(text.encode("utf-32-le", "surrogatepass"))
        return table[torch.frombuffer(raw, dtype=torch.int32).long()]

    def decode(self, tokens: torch.Tensor) -> str:
        """One row (T,) as text without its padding; invalid tokens become "?"."""
        symbols = self.special + self.characters
        text = "".join(symbols[token] if 0 <= token < len(symbols) else "?" for token in tokens.tolist())
        return text.rstrip(self.special[0])


@dataclass(frozen=True)
class Parts(Generic[Item]):
    """The splits of a run: training, validation, held-out and showcase items. No item is in two of them."""

    training: list[Item]
    probe: list[Item]
    """The validation set, used to stop training early."""
    held_out: list[Item]
    """Used to score the model."""
    showcase: list[Item]
    """What a report may show."""

    @classmethod
    def drawn(
        cls, items: Sequence[Item], generator: torch.Generator, *, probe: int, held_out: int, showcase: int
    ) -> "Parts[Item]":
        """Split items at random; the rest is for training.

        Raises `ValueError` if nothing is left for training, or an item occurs twice.
        """
        if len(set(items)) < len(items):
            raise ValueError("an item occurs twice, and could end up in two parts")
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
        """Split items of one class so that no two parts share a key; the rest is for training.

        Showcase items are the same in all runs, so that no report shows what another run scores. The rest is split at
        random in each run: tuning a model to the examples of one run, at home, gains nothing in the next, and a
        calibration measures how much the split affects the score.

        Raises `ValueError` if nothing is left for training.
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
        """The parts of several classes joined, class by class."""
        found = list(classes)
        return cls(
            [item for parts in found for item in parts.training],
            [item for parts in found for item in parts.probe],
            [item for parts in found for item in parts.held_out],
            [item for parts in found for item in parts.showcase],
        )


@dataclass(frozen=True)
class Pool:
    """Examples that are made once and drawn from."""

    inputs: tuple[torch.Tensor, ...]
    """Each with the examples along its first axis."""
    targets: torch.Tensor
    """(examples, ...)."""

    def __len__(self) -> int:
        return len(self.targets)

    def draw(self, count: int, generator: torch.Generator) -> Examples:
        """`count` examples, drawn uniformly with replacement."""
        return self._at(torch.randint(len(self), (count,), generator=generator))

    def draw_balanced(self, count: int, generator: torch.Generator) -> Examples:
        """`count` examples, drawn with replacement; every class is equally likely, however few examples it has.

        The targets (examples,) are the numbers of their classes.
        """
        sizes = self.targets.unique(return_counts=True)[1]
        drawn = torch.randint(len(sizes), (count,), generator=generator)
        place = (torch.rand(count, generator=generator, dtype=torch.float64) * sizes[drawn]).long()
        by_class = self.targets.argsort(stable=True)
        return self._at(by_class[(sizes.cumsum(0) - sizes)[drawn] + place])

    def first(self, count: int) -> Examples:
        """The first `count` examples, or all if there are fewer."""
        return self._at(torch.arange(len(self))[:count])

    def _at(self, rows: torch.Tensor) -> Examples:
        return tuple(part[rows] for part in self.inputs), self.targets[rows]


@dataclass(frozen=True)
class Pools:
    """The examples of a run, split as a `LearningTask` needs them."""

    training: Pool
    probe: Pool
    held_out: Pool
    showcase: Pool
    balanced: bool = False
    """Whether every class is equally likely in training, however few examples it has."""

    @classmethod
    def of(
        cls,
        parts: Parts[Item],
        make: Callable[[list[Item]], Pool],
        *,
        taught: Callable[[list[Item]], Pool] | None = None,
        balanced: bool = False,
    ) -> "Pools":
        """Make the examples of each part; `taught` makes those for training if it needs more inputs."""
        training = (taught or make)(parts.training)
        return cls(training, make(parts.probe), make(parts.held_out), make(parts.showcase), balanced)

    def lessons(self, count: int, generator: torch.Generator) -> Examples:
        """Examples to train on."""
        return (self.training.draw_balanced if self.balanced else self.training.draw)(count, generator)

    def probes(self, count: int, generator: torch.Generator) -> Examples:
        """Validation examples: the same in each call."""
        return self.probe.first(count)

    def held_outs(self, count: int, generator: torch.Generator) -> Examples:
        """Held-out examples: the same in each call."""
        return self.held_out.first(count)

    @property
    def arguments(self) -> dict[str, Any]:
        """The data arguments of a `LearningTask`: `LearningTask(**pools.arguments, ...)`."""
        sizes = {"probe": len(self.probe), "held_out": len(self.held_out)}
        return {"draw": self.lessons, "draw_probe": self.probes, "draw_held_out": self.held_outs, **sizes}

    def shown(self) -> Examples:
        """Examples that a report may show."""
        return self.showcase.first(len(self.showcase))


def _shuffled(items: Sequence[Item], generator: torch.Generator) -> list[Item]:
    """The same items in an order drawn at random."""
    return [items[place] for place in torch.randperm(len(items), generator=generator).tolist()]


def _taken(families: dict[str, list[Item]], keys: Iterator[str], count: int) -> list[Item]:
    """`count` items, family by family; the surplus of the last family is left out. Raises `ValueError`."""
    taken: list[Item] = []
    while len(taken) < count:
        name = next(keys, None)
        if name is None:
            raise ValueError(f"a part needs {count} items, but only {len(taken)} are left")
        taken += families[name]
    return taken[:count]
