"""The dates of 1950 to 2050, spelled out and as figures, in tokens that are numbered anew for every run."""

import calendar
import datetime
import functools
from dataclasses import dataclass

import torch

PAD, SOS, EOS = 0, 1, 2
SPECIAL = 3  # so many tokens come before those of the characters
FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2050, 12, 31)
LENGTH = 10  # characters of 2023-01-15
PROBE, HELD_OUT, SHOWCASE = 250, 1000, 250

Examples = tuple[tuple[torch.Tensor, ...], torch.Tensor]


def spelled(date: datetime.date) -> str:
    """January 15, 2023."""
    return f"{calendar.month_name[date.month]} {date.day}, {date.year}"


@functools.cache
def every_day() -> tuple[list[str], list[str]]:
    """All dates in order: spelled out, and as figures."""
    numbers = range(FIRST.toordinal(), LAST.toordinal() + 1)
    dates = [datetime.date.fromordinal(number) for number in numbers]
    return [spelled(date) for date in dates], [date.isoformat() for date in dates]


@functools.cache
def codes(column: int) -> torch.Tensor:
    """The characters of one column of `every_day` as their code points (dates, longest text), 0 after the last."""
    texts = every_day()[column]
    width = max(map(len, texts))
    rows = [text.ljust(width, "\0").encode("ascii") for text in texts]
    return torch.frombuffer(bytearray(b"".join(rows)), dtype=torch.uint8).reshape(len(rows), width).long()


@dataclass(frozen=True)
class Vocabulary:
    """Which character is which token: the special ones first, then the characters in an order drawn at random."""

    characters: str
    """The character of token `SPECIAL`, of the next, and so on."""

    @classmethod
    def drawn(cls, column: int, generator: torch.Generator) -> "Vocabulary":
        """The characters that occur in one column, shuffled."""
        found = sorted(set("".join(every_day()[column])))
        order = torch.randperm(len(found), generator=generator).tolist()
        return cls("".join(found[i] for i in order))

    def __len__(self) -> int:
        return SPECIAL + len(self.characters)

    def encode(self, column: int) -> torch.Tensor:
        """A whole column in tokens (dates, longest text), padded on the right."""
        token = torch.zeros(128, dtype=torch.long)
        token[[ord(character) for character in self.characters]] = torch.arange(SPECIAL, len(self))
        return token[codes(column)]

    def decode(self, tokens: torch.Tensor) -> str:
        """One row as text without its padding: special tokens as ␀, ^ and $, what is no token as ?."""
        symbols = "␀^$" + self.characters
        text = "".join(symbols[token] if 0 <= token < len(symbols) else "?" for token in tokens.tolist())
        return text.rstrip("␀")


@dataclass(frozen=True)
class Dates:
    """The data of one run: how characters are numbered, and which dates are for training, probing and judging.

    No date is in two parts.
    """

    source: Vocabulary
    target: Vocabulary
    sources: torch.Tensor
    """All dates spelled out, in tokens (dates, S)."""
    targets: torch.Tensor
    """All dates as figures, in tokens (dates, 10)."""
    training: torch.Tensor
    """Which rows may be trained on."""
    probe: torch.Tensor
    held_out: torch.Tensor
    showcase: torch.Tensor
    """The rows a report may show."""

    @classmethod
    def drawn(cls, generator: torch.Generator) -> "Dates":
        """Draw the numbering and the parts."""
        source, target = Vocabulary.drawn(0, generator), Vocabulary.drawn(1, generator)
        rows = torch.randperm(len(codes(0)), generator=generator)
        rest = len(rows) - PROBE - HELD_OUT - SHOWCASE
        parts = rows.split([rest, PROBE, HELD_OUT, SHOWCASE])
        return cls(source, target, source.encode(0), target.encode(1), *parts)

    def lessons(self, count: int, generator: torch.Generator) -> Examples:
        """Examples to train on: (src, tgt) with the characters so far, and the characters that follow."""
        rows = self.training[torch.randint(len(self.training), (count,), generator=generator)]
        fed, due = framed(self.targets[rows])
        return (self.sources[rows], fed), due

    def probes(self, count: int, generator: torch.Generator) -> Examples:
        """Dates by which training is watched: (src,), and the answers."""
        return self._asked(self.probe[:count])

    def held_outs(self, count: int, generator: torch.Generator) -> Examples:
        """Dates by which the model is judged."""
        return self._asked(self.held_out[:count])

    def shown(self) -> Examples:
        """Dates that a report may show."""
        return self._asked(self.showcase)

    def _asked(self, rows: torch.Tensor) -> Examples:
        return (self.sources[rows],), self.targets[rows]


def framed(answers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the decoder is fed while it writes these answers (B, 10), and what it should write: both (B, 11)."""
    edge = answers.new_ones(len(answers), 1)
    return torch.cat([SOS * edge, answers], dim=1), torch.cat([answers, EOS * edge], dim=1)
