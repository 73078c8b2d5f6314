"""The dates of 1950 to 2050, spelled out and as figures, in tokens that are numbered at random in every run."""

import calendar
import datetime
import functools
from dataclasses import dataclass

import torch

from grader.data import Parts, Pool, Pools, Tokens

SPECIAL = "␀^$"
PAD, SOS, EOS = range(len(SPECIAL))
FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2050, 12, 31)
LENGTH = 10  # characters of 2023-01-15
LONGEST = 18  # of September 10, 2023


def spelled(date: datetime.date) -> str:
    """January 15, 2023."""
    return f"{calendar.month_name[date.month]} {date.day}, {date.year}"


@functools.cache
def every_day() -> tuple[list[str], list[str]]:
    """All dates in order: spelled out, and as figures."""
    numbers = range(FIRST.toordinal(), LAST.toordinal() + 1)
    dates = [datetime.date.fromordinal(number) for number in numbers]
    return [spelled(date) for date in dates], [date.isoformat() for date in dates]


@dataclass(frozen=True)
class Dates:
    """The data of one run: how characters are numbered, and which dates are for training, probing and judging."""

    source: Tokens
    """Of the dates spelled out."""
    target: Tokens
    """Of the dates as figures."""
    parts: Parts[tuple[str, str]]
    """Dates spelled out, and as figures."""
    pools: Pools
    """(src,), and the answers; to train on, (src, tgt) with the characters so far, and the characters that follow."""

    @classmethod
    def drawn(cls, generator: torch.Generator) -> "Dates":
        """Draw the numbering and the parts."""
        source, target = (
            Tokens.drawn(sorted(set("".join(texts))), generator, special=SPECIAL) for texts in every_day()
        )
        parts = Parts.drawn(list(zip(*every_day(), strict=True)), generator, probe=250, held_out=1000, showcase=250)

        def asked(dates: list[tuple[str, str]]) -> Pool:
            return Pool(
                (source.encode([date for date, _ in dates], LONGEST),), target.encode([due for _, due in dates])
            )

        def taught(dates: list[tuple[str, str]]) -> Pool:
            pool = asked(dates)
            fed, due = framed(pool.targets)
            return Pool((*pool.inputs, fed), due)

        return cls(source, target, parts, Pools.of(parts, asked, taught=taught))


def framed(answers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the decoder is fed while it writes these answers (B, 10), and what it should write: both (B, 11)."""
    edge = answers.new_ones(len(answers), 1)
    return torch.cat([SOS * edge, answers], dim=1), torch.cat([answers, EOS * edge], dim=1)
