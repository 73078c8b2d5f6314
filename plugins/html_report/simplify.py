"""Fewer points for the same line: a training of ten thousand steps is drawn on a few hundred pixels."""

import itertools
import math
from collections.abc import Sequence

from .svg import Point

COLUMN, ASIDE = 0.4, 0.1
"""Pixels: the width of a column of points, and how far a point may be from a straight line. Together, no point is
farther than half a pixel from the line that is drawn."""


def simplified(points: Sequence[Point]) -> list[Point]:
    """A line through some of the points, the highest and the lowest among them, that passes all others by at most half
    a pixel. `points` are in the order of their first coordinate."""
    return _straightened(_by_column(points))


def _by_column(points: Sequence[Point]) -> list[Point]:
    """The first, the last, the highest and the lowest point of each column: between these, all is covered."""
    kept: list[Point] = []
    start = 0
    for end in range(1, len(points) + 1):
        if end == len(points) or points[end][0] - points[start][0] > COLUMN:
            column = list(range(start, end))
            if len(column) > 4:
                heights = [points[at][1] for at in column]
                extremes = (start + heights.index(value) for value in (min(heights), max(heights)))
                column = sorted({start, *extremes, end - 1})
            kept.extend(points[at] for at in column)
            start = end
    return kept


def _straightened(points: Sequence[Point]) -> list[Point]:
    """Without the points that a straight line passes closely.

    Each point after the last one kept narrows the angles at which a line from there passes all of them closely. A
    point outside these angles, or nearer than one before it, ends that line at its predecessor.
    """
    if len(points) < 3:
        return list(points)
    extremes = {extreme(points, key=lambda point: point[1]) for extreme in (min, max)}
    kept = [points[0]]
    low, high, reach = -math.inf, math.inf, 0.0
    for before, point in itertools.pairwise(points):
        angle, distance = _from(kept[-1], point)
        is_close = low <= angle <= high and distance >= reach if distance > ASIDE else reach == 0
        if before in extremes or not is_close:
            if before != kept[-1]:
                kept.append(before)
            low, high, reach = -math.inf, math.inf, 0.0
            angle, distance = _from(before, point)
        if distance > ASIDE:
            room = math.asin(ASIDE / distance)
            low, high, reach = max(low, angle - room), min(high, angle + room), distance
    return [*kept, points[-1]]


def _from(start: Point, end: Point) -> tuple[float, float]:
    across, down = end[0] - start[0], end[1] - start[1]
    return math.atan2(down, across), math.hypot(across, down)
