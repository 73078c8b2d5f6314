"""A curve as SVG to stand inside a page, in the page's font and colours.

What was measured carries the class `measured`, which a style sheet may colour. Without any, dashes and words tell all
apart.
"""

import itertools
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from . import scales, svg
from .numbers import tick
from .simplify import simplified
from .svg import Pen, Point

if TYPE_CHECKING:
    from grader.figures import Band, Curve, Level, Line

DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5), (6, 1.5, 1.5, 1.5), (12, 2))
"""Of the first line, the second, ..."""
SHAPES = (
    "M0-3.5a3.5 3.5 0 0 1 0 7a3.5 3.5 0 0 1 0-7z",
    "M-3-3h6v6h-6z",
    "M0-4.2 4.2 0 0 4.2-4.2 0z",
    "M0-3.6 3.3 3h-6.6z",
    "M0 3.6-3.3-3h6.6z",
)
"""A disc, a square, a diamond and two triangles: the points of each line, where they are few."""
FEW = 12  # points, at most, for each to be shown
RULES = ((7, 4), (1.5, 3), (7, 3, 1.5, 3))
"""The dashes of the levels."""
GRID, AXIS, MARK = Pen(opacity=0.15), Pen(opacity=0.6), Pen(opacity=0.7)


class Paper(NamedTuple):
    """What is drawn on. Lengths are CSS pixels where a page shows it in its own size."""

    name: str
    width: int
    height: int
    font: int
    columns: int
    """Characters in a line of the labels beside the plot."""

    @property
    def row(self) -> float:
        """From one line of text to the next."""
        return 1.4 * self.font

    def width_of(self, text: str) -> float:
        """How wide a text is, about."""
        return 0.62 * self.font * len(text)

    def fit(self, text: str, width: float) -> str:
        """As much of a text as fits."""
        return textwrap.shorten(text, max(8, int(width / self.width_of("x"))), placeholder="…")

    def wrap(self, text: str) -> list[str]:
        """A name as the lines of its label."""
        return textwrap.wrap(text, self.columns, max_lines=3, placeholder="…") or [""]


PAPERS = (Paper("wide", 672, 340, 13, 20), Paper("narrow", 320, 300, 12, 11))


class Label(NamedTuple):
    """A name at the right of the plot, with a sample of what it names."""

    y: float
    """Where it would stand best."""
    rows: list[str]
    pen: Pen | None
    """Of the line; None for a shade."""
    shape: str = ""
    """The id of the shape of its points, where they are shown."""


def draw(curve: "Curve", paper: Paper, prefix: str, description: str) -> str:
    """The curve as one `<svg>` element, every id in it beginning with `prefix`."""
    root = Element(
        "svg",
        {
            "class": f"chart {paper.name}",
            "viewBox": f"0 0 {paper.width} {paper.height}",
            "role": "img",
            "aria-labelledby": f"{prefix}-title",
            "aria-describedby": f"{prefix}-desc",
            "fill": "currentColor",
            "font-size": str(paper.font),
            "stroke-linejoin": "round",
        },
    )
    for tag, text in (("title", curve.title), ("desc", description)):
        SubElement(root, tag, id=f"{prefix}-{tag}").text = svg.legal(text)
    Drawing(curve, paper, prefix, root).draw()
    return tostring(root, encoding="unicode")


class Drawing:
    """A curve in the making: `root` receives the elements. Places are pixels from the left and from the top."""

    def __init__(self, curve: "Curve", paper: Paper, prefix: str, root: Element) -> None:
        self.curve, self.paper, self.prefix, self.root = curve, paper, prefix, root
        self.x, self.y = scales.across(curve, paper.width), scales.up(curve)
        # room for numbers at the left and below, marks above, and labels at the right
        things: list[Line | Band | Level] = [*curve.drawn, *curve.levels]
        self.left = 8 + max((paper.width_of(tick(y)) for y in self.y.ticks), default=0)
        names = (paper.width_of(text) for thing in things for text in paper.wrap(thing.name))
        self.right = paper.width - 36 - max(names, default=0)
        self.top = (1.5 + len(curve.marks)) * paper.row
        self.bottom = paper.height - 2.3 * paper.row

    def draw(self) -> None:
        """Everything, from the back to the front."""
        self.draw_frame()
        labels = [self.draw_band(band) for band in self.curve.bands if band.x]
        for level, dashes in zip(self.curve.levels, itertools.cycle(RULES), strict=False):
            labels.append(self.draw_level(level, Pen(1.25, dashes)))
        for position, line in enumerate(self.curve.lines):
            if line.x:
                labels.append(self.draw_line(line, position))
        self.draw_marks()
        self.draw_labels(labels)

    def place(self, x: float, y: float) -> Point:
        """Where a point stands."""
        return self.across(x), self.down(y)

    def across(self, x: float) -> float:
        """Where a value of x stands."""
        return self.left + self.x.share(x) * (self.right - self.left)

    def down(self, y: float) -> float:
        """Where a value of y stands."""
        return self.bottom + self.y.share(y) * (self.top - self.bottom)

    @property
    def ticks(self) -> list[float]:
        """The ticks of x whose numbers do not touch: as many round ones as have room; of measured places those that do
        not touch their right neighbour, for the last says how far it went."""
        ticks = self.x.ticks
        while self.x.is_round and self.apart(ticks) != ticks:
            fewer = scales.round_ticks(self.x.low, self.x.high, len(ticks) - 1)
            if len(fewer) < 2:
                break
            ticks = fewer
        return self.apart(ticks)

    def apart(self, ticks: list[float]) -> list[float]:
        """Without those whose numbers would touch one at their right."""
        kept: list[float] = []
        edge = math.inf
        for x in reversed(ticks):
            centre, half = self.across(x), self.paper.width_of(tick(x)) / 2
            if centre + half <= edge:
                kept.append(x)
                edge = centre - half - self.paper.font / 2
        return kept[::-1]

    def draw_frame(self) -> None:
        """Faint lines to read heights by, numbers, and the names of both axes, none of it turned."""
        paper = self.paper
        for value in self.y.ticks:
            y = self.down(value)
            self.draw_rule(y, GRID)
            self.write(self.left - 6, y + 0.38 * paper.font, tick(value), anchor="end")
        self.draw_rule(self.bottom, AXIS)
        for value in self.ticks:
            self.write(self.across(value), self.bottom + 6 + 0.76 * paper.font, tick(value), anchor="middle")
        self.write(0, paper.font, self.curve.y_label, paper.width)
        self.write(self.right, paper.height - 0.35 * paper.font, self.curve.x_label, self.right, "end")

    def draw_rule(self, y: float, pen: Pen) -> None:
        """A line across the plot."""
        svg.add_path(self.root, [(self.left, y), (self.right, y)], pen)

    def draw_band(self, band: "Band") -> Label:
        """A shade between its two edges."""
        low, high = (list(map(self.place, band.x, edge)) for edge in (band.low, band.high))
        svg.add_area(self.root, [*simplified(low), *simplified(high)[::-1]])
        return Label((low[-1][1] + high[-1][1]) / 2, self.paper.wrap(band.name), None)

    def draw_level(self, level: "Level", pen: Pen) -> Label:
        """A rule at its height."""
        y = self.down(level.y)
        self.draw_rule(y, pen)
        return Label(y, self.paper.wrap(level.name), pen)

    def draw_line(self, line: "Line", position: int) -> Label:
        """The first line is what the chart is about: thicker and solid. Points are shown where they are few, else
        a dot where the line ends."""
        width = 1.75 if position else 2.5 if len(line.x) < 100 else 1.5
        pen = Pen(width, DASHES[position % len(DASHES)], is_measured=True)
        points = list(map(self.place, line.x, line.y))
        if len(points) > 1:
            svg.add_path(self.root, simplified(points), pen)
        shape = ""
        if len(points) <= FEW:
            shape = f"{self.prefix}-point-{position + 1}"
            svg.add_shape(self.root, shape, SHAPES[position % len(SHAPES)])
            svg.add_uses(self.root, shape, points)
        else:
            svg.add_dot(self.root, points[-1], 3 if position else 3.5)
        return Label(points[-1][1], self.paper.wrap(line.name), pen, shape)

    def draw_marks(self) -> None:
        """A thin line for each, up to its name above the plot, which stands on the side that has room."""
        paper, width = self.paper, self.right - self.left
        for position, mark in enumerate(sorted(self.curve.marks, key=lambda mark: mark.x)):
            x, share = self.across(mark.x), self.x.share(mark.x)
            top = self.top - (position + 0.9) * paper.row
            svg.add_path(self.root, [(x, self.bottom), (x, top)], MARK)
            anchor, shift, room = ("end", -5, share) if share > 0.5 else ("start", 5, 1 - share)
            self.write(x + shift, top + 0.75 * paper.font, mark.name, room * width, anchor)

    def draw_labels(self, labels: list[Label]) -> None:
        """Names beside the plot, as near to what they name as they can be without touching each other."""
        paper, row = self.paper, self.paper.row
        labels.sort(key=lambda label: label.y)
        sizes = [len(label.rows) * row + 5 for label in labels]
        wanted = [label.y + (len(label.rows) - 1) * row / 2 for label in labels]  # the first row at its height
        high = self.bottom + 4  # beside the plot, not beside the numbers below it, where there is room
        centres = spread(wanted, sizes, row, high if sum(sizes) < high - row else paper.height)
        for label, centre in zip(labels, centres, strict=True):
            self.draw_label(label, self.right + 8, centre - (len(label.rows) - 1) * row / 2)

    def draw_label(self, label: Label, x: float, y: float) -> None:
        """A sample, 20 pixels wide, and the name beside it, its first row at `y`."""
        if label.pen is None:
            svg.add_area(self.root, [(x, y - 6), (x + 20, y - 6), (x + 20, y + 6), (x, y + 6)])
        else:
            svg.add_path(self.root, [(x, y), (x + 20, y)], label.pen)
        if label.shape:
            svg.add_uses(self.root, label.shape, [(x + 10, y)])
        for line, text in enumerate(label.rows):
            self.write(x + 26, y + line * self.paper.row + 0.36 * self.paper.font, text)

    def write(self, x: float, y: float, text: str, room: float | None = None, anchor: str = "start") -> None:
        """A line of text, no longer than fits into `room` pixels."""
        svg.add_text(self.root, x, y, text if room is None else self.paper.fit(text, room), anchor)


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Centres between two ends, near the wanted ones, which are in order, so that nothing overlaps."""
    centres: list[float] = []
    edge = low
    for centre, size in zip(wanted, sizes, strict=True):
        centres.append(max(centre, edge + size / 2))
        edge = centres[-1] + size / 2
    edge = high
    for position in reversed(range(len(centres))):
        centres[position] = min(centres[position], edge - sizes[position] / 2)
        edge = centres[position] - sizes[position] / 2
    return centres
