"""From a number to its place along an axis, and the round numbers that stand there."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.ticker import LogLocator, MaxNLocator

if TYPE_CHECKING:
    from grader.figures import Curve

TICKS = 6  # at most, for every place that was measured to have a tick of its own
LARGEST = 1e100  # what lies beyond is drawn there


class Scale(NamedTuple):
    """An axis: its ends, its ticks, and whether it is logarithmic."""

    low: float
    high: float
    ticks: list[float]
    is_log: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value stands, from 0 to 1: what it cannot show stands at its end."""
        value = max(self.low, min(self.high, value))
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def across(curve: "Curve", width: int) -> Scale:
    """The axis of x, as wide as what is drawn, with about a tick per 80 pixels."""
    xs = _drawable(x for thing in curve.drawn for x in thing.x)
    xs += _drawable(mark.x for mark in curve.marks)
    first, last = _apart(min(xs, default=0), max(xs, default=1))
    places = sorted(set(xs))
    if not 0 < len(places) <= TICKS:
        count = MaxNLocator(width // 80, integer=all(x == int(x) for x in xs))
        places = [float(x) for x in count.tick_values(first, last)]
    return Scale(first, last, [x for x in places if first <= x <= last])


def up(curve: "Curve") -> Scale:
    """The axis of y: logarithmic, where that was asked for and anything is above zero."""
    ys = _drawable(y for line in curve.lines for y in line.y)
    ys += _drawable(y for band in curve.bands for y in (*band.low, *band.high))
    ys += _drawable(level.y for level in curve.levels)
    if positive := [max(y, 1 / LARGEST) for y in ys if y > 0] if curve.log_y else []:
        low, high = min(positive) / 1.25, max(positive) * 1.25
        steps = (1, 2, 5) if high / low < 20 else (1, 3) if high / low < 1000 else (1,)
        ticks = LogLocator(subs=steps, numticks=8).tick_values(low, high)
    else:
        low, high = _apart(min(ys, default=0), max(ys, default=1))
        pad = 0.05 * (high - low) if len(set(ys)) > 1 else 0.0
        low, high = low - pad, high + pad
        ticks = MaxNLocator(5).tick_values(low, high)
    return Scale(low, high, [float(y) for y in ticks if low <= y <= high], bool(positive))


def _apart(low: float, high: float) -> tuple[float, float]:
    """Two ends with room between them, half as much as they are large where there is none."""
    size = max(abs(low), abs(high))
    if high - low > 1e-12 * size and size > 1e-200:
        return low, high
    room = 0.5 * size if size > 1e-200 else 1.0
    return low - room, high + room


def _drawable(values: Iterable[float]) -> list[float]:
    return [max(-LARGEST, min(LARGEST, value)) for value in values]
