"""From a number to its place along an axis, and the round numbers that stand there."""

import itertools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from grader.figures import Curve

PLACES = 6  # at most, for every place that was measured to have a tick of its own
TICKS = 7  # at most, of y; there are at least 3
LARGEST = 1e100  # what is beyond is drawn there


class Scale(NamedTuple):
    """An axis: its ends, and its ticks from one to the other."""

    low: float
    high: float
    ticks: list[float]
    is_log: bool = False
    is_round: bool = True
    """The ticks are round numbers; else they are the places that were measured."""

    def share(self, value: float) -> float:
        """How far along the axis a value stands, from 0 to 1: what it cannot show stands at its end."""
        value = max(self.low, min(self.high, value))
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def across(curve: "Curve", width: int) -> Scale:
    """The axis of x, as wide as what is drawn, with a tick per 80 pixels at most."""
    xs = _drawable(x for thing in curve.drawn for x in thing.x)
    xs += _drawable(mark.x for mark in curve.marks)
    first, last = _apart(min(xs, default=0), max(xs, default=1))
    places = sorted(set(xs))
    if 0 < len(places) <= PLACES:
        return Scale(first, last, places, is_round=False)
    return Scale(first, last, round_ticks(first, last, width // 80 + 1, whole=all(x == int(x) for x in xs)))


def up(curve: "Curve") -> Scale:
    """The axis of y: logarithmic, where that was asked for and anything is above zero."""
    ys = _drawable(y for line in curve.lines for y in line.y)
    ys += _drawable(y for band in curve.bands for y in (*band.low, *band.high))
    ys += _drawable(level.y for level in curve.levels)
    if positive := [max(y, 1 / LARGEST) for y in ys if y > 0] if curve.log_y else []:
        low, high = min(positive) / 1.25, max(positive) * 1.25
        return Scale(low, high, log_ticks(low, high, TICKS), is_log=True)
    low, high = _apart(min(ys, default=0), max(ys, default=1))
    pad = 0.05 * (high - low) if len(set(ys)) > 1 else 0.0
    return Scale(low - pad, high + pad, round_ticks(low - pad, high + pad, TICKS))


def round_ticks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """The multiples of a step between two ends: at most `most` of them, for the smallest such step that is 1, 2 or 5
    times a power of ten.

    `whole`: of steps that are whole numbers.
    """
    power = math.floor(math.log10((high - low) / most))  # a smaller step would have too many multiples
    steps = ((power, digit) for power in itertools.count(max(0, power) if whole else power) for digit in (1, 2, 5))
    while True:
        power, digit = next(steps)
        step = _decimal(digit, power)
        multiples = range(math.floor(low / step), math.ceil(high / step) + 1)
        ticks = [tick for tick in (_decimal(digit * k, power) for k in multiples) if low <= tick <= high]
        if len(ticks) <= most:
            return ticks


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten between two ends; where these are few, with 1 and 3, or 1, 2 and 5, times each."""
    bottom, top = math.log10(low), math.log10(high)
    digits = (1, 2, 5) if high / low < 20 else (1, 3) if high / low < 1000 else (1,)
    powers = [round(power) for power in round_ticks(bottom, top, most, whole=True)]
    if len(digits) > 1:
        powers = list(range(math.floor(bottom), math.ceil(top) + 1))
    ticks = [tick for tick in (_decimal(digit, power) for power in powers for digit in digits) if low <= tick <= high]
    return ticks if len(ticks) > 1 else round_ticks(low, high, most)


def _decimal(digits: int, power: int) -> float:
    """`digits` times a power of ten, rounded once: 0.3 for 3 and -1, where 3 * 0.1 would be another number."""
    return float(digits * 10**power) if power >= 0 else digits / 10**-power


def _apart(low: float, high: float) -> tuple[float, float]:
    """Two ends with room between them, half as much as they are large where there is none."""
    size = max(abs(low), abs(high))
    if high - low > 1e-12 * size and size > 1e-200:
        return low, high
    room = 0.5 * size if size > 1e-200 else 1.0
    return low - room, high + room


def _drawable(values: Iterable[float]) -> list[float]:
    return [max(-LARGEST, min(LARGEST, value)) for value in values]
