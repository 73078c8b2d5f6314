"""A curve as text and a table: for readers who do not see it, and for those who want exact values."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from grader.figures import Band, Curve, Line

ROWS = 20  # at most, in a table


class Table(NamedTuple):
    """What stands in the columns, and rows of text."""

    head: list[str]
    rows: list[list[str]]


def number(value: float) -> str:
    """Three digits, such as 0.00321 or 325; all of them in a number such as 1500."""
    text = f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", "−")


def tick(value: float) -> str:
    """A round number beside an axis, without what rounding left: 0.3 for 0.1 + 0.2."""
    return f"{value:.6g}".replace("-", "−")


def table(curve: "Curve") -> Table:
    """Up to `ROWS` points from the first to the last, with what the bands say there."""
    measured = [[(line.x, line.y)] for line in curve.lines] + [[(b.x, b.low), (b.x, b.high)] for b in curve.bands]
    owners: Sequence[Line | Band] = [line for line in curve.lines if line.x] or curve.bands
    xs = sorted({x for owner in owners for x in owner.x})
    if len(xs) > ROWS:
        xs = [xs[round(position * (len(xs) - 1) / (ROWS - 1))] for position in range(ROWS)]
    head = [curve.x_label, *(thing.name for thing in curve.drawn)]
    rows = [[tick(x), *(_cell(x, columns) for columns in measured)] for x in xs]
    return Table(head, rows)


def _cell(x: float, columns: Sequence[tuple[Sequence[float], Sequence[float]]]) -> str:
    values = [_read(x, *column) for column in columns]
    return " to ".join(number(value) for value in values if value is not None) or "–"


def _read(x: float, xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """The height of a drawn line at `x`; None where there is none."""
    if not xs or not xs[0] <= x <= xs[-1]:
        return None
    after = bisect_right(xs, x)
    if xs[after - 1] == x:
        return ys[after - 1]
    share = (x - xs[after - 1]) / (xs[after] - xs[after - 1])
    return ys[after - 1] * (1 - share) + ys[after] * share


def facts(curve: "Curve") -> list[str]:
    """What stands beside the lines, and what a drawing cannot show."""
    found = [f"{level.name}: {number(level.y)}" for level in curve.levels]
    for mark in curve.marks:
        place = tick(mark.x)
        found.append(mark.name if place in mark.name else f"{mark.name}: at {place} ({curve.x_label})")
    return found


def gaps(curve: "Curve") -> list[str]:
    """What is not drawn, or not at its value."""
    found = [f"{thing.name}: no finite value." for thing in curve.drawn if not thing.x]
    for thing in curve.drawn:
        if thing.x and thing.dropped:
            values = "1 value is" if thing.dropped == 1 else f"{thing.dropped} values are"
            found.append(f"{thing.name}: {values} not finite and not shown.")
    ys = [y for line in curve.lines for y in line.y]
    if curve.log_y and min(ys, default=1) <= 0 < max(ys):
        found.append("What is not above zero has no place on a logarithmic axis: it is drawn at the lower edge.")
    return found


def describe(curve: "Curve") -> str:
    """The author's description, else where each line starts and ends and what it is to be compared with."""
    if curve.description:
        return curve.description
    parts = [f"{curve.y_label} by {curve.x_label}"]
    for line in curve.lines:
        if line.x:
            first, last = ((tick(line.x[at]), number(line.y[at])) for at in (0, -1))
            parts.append(f"{line.name}: from {first[1]} at {first[0]} to {last[1]} at {last[0]}")
    for band in curve.bands:
        if band.x:
            parts.append(f"{band.name}: at the end from {number(band.low[-1])} to {number(band.high[-1])}")
    return ". ".join([*parts, *facts(curve), *gaps(curve)])
