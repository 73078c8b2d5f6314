"""A curve as SVG to stand inside a page: matplotlib draws it, then it is made to look like the page around it.

The page's font and colours come in from outside: text stays text, black becomes `currentColor`, and what was measured
carries the class `measured`, which a style sheet may colour. Without any, dashes and words tell all apart.
"""

import contextlib
import io
import itertools
import logging
import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

# matplotlib obeys a `matplotlibrc` in the current folder, which may be a student's.
with contextlib.chdir(Path(__file__).parent):
    import matplotlib
    import matplotlib.figure
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from . import scales
from .numbers import tick
from .svg import INK, MEASURED, bare, legal

if TYPE_CHECKING:
    from grader.figures import Band, Curve, Level, Line

logging.getLogger("matplotlib").addHandler(logging.NullHandler())  # its remarks on fonts are not for the terminal

DASHES = (
    "solid",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (12, 2)),
)  # of the first line, the second, ...
SHAPES = "osD^v"  # of the points of each line, where they are few
POINTS = 12  # at most, for each to be shown
RULES = ((0, (7, 4)), (0, (1.5, 3)), (0, (7, 3, 1.5, 3)))  # of the levels
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "report", "path.simplify_threshold": 0.5}


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

    def wide(self, text: str) -> float:
        """How wide a text is, about."""
        return 0.62 * self.font * len(text)

    def fit(self, text: str, width: float) -> str:
        """As much of a text as fits."""
        return textwrap.shorten(text, max(8, int(width / self.wide("x"))), placeholder="…")

    def wrap(self, text: str) -> list[str]:
        """A name as the lines of its label."""
        return textwrap.wrap(text, self.columns, max_lines=3, placeholder="…") or [""]


PAPERS = (Paper("wide", 672, 340, 13, 20), Paper("narrow", 320, 300, 12, 11))


class Label(NamedTuple):
    """Words at the right of the plot, and how to draw a sample of what they name."""

    height: float
    """Where they would stand best."""
    rows: list[str]
    style: dict[str, Any] | None
    """Of the line; None for a shade."""


@contextlib.contextmanager
def as_shipped() -> Iterator[None]:
    """matplotlib's own settings, whatever this process has set, and then its settings again."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # a table of any settings
        yield


def draw(curve: "Curve", paper: Paper, prefix: str, description: str) -> str:
    """The curve as one `<svg>` element, every id in it beginning with `prefix`. To be called within `as_shipped`."""
    drawing = Drawing(curve, paper)
    drawing.draw()
    file = io.StringIO()
    drawing.figure.savefig(file, format="svg", transparent=True)
    svg = bare(ElementTree.fromstring(file.getvalue()), prefix)
    svg.extend(drawing.texts)
    for tag, text in (("desc", description), ("title", curve.title)):
        element = ElementTree.Element(tag, id=f"{prefix}-{tag}")
        element.text = legal(text)
        svg.insert(0, element)
    svg.attrib = {
        "class": f"chart {paper.name}",
        "viewBox": svg.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{prefix}-title",
        "aria-describedby": f"{prefix}-desc",
        "fill": "currentColor",  # black is not written out
        "font-size": str(paper.font),
        "stroke-linejoin": "round",
    }
    return ElementTree.tostring(svg, encoding="unicode")


class Drawing:
    """A curve in the making. Heights and widths are pixels, from below and from the left.

    matplotlib draws lines, shades and points on a bare figure; its own axes would take five times as long, and a class
    is thousands of drawings. Words are written here: it never reads what a student may have written.
    """

    def __init__(self, curve: "Curve", paper: Paper) -> None:
        self.curve, self.paper = curve, paper
        self.texts: list[ElementTree.Element] = []
        self.figure = matplotlib.figure.Figure(figsize=(paper.width / 72, paper.height / 72), dpi=72)
        self.figure.patch.set_visible(False)
        self.x, self.y = scales.across(curve, paper.width), scales.up(curve)
        # room for numbers at the left and below, marks above, and labels at the right
        things: list[Line | Band | Level] = [*curve.drawn, *curve.levels]
        self.left = 8 + max((paper.wide(tick(y)) for y in self.y.ticks), default=0)
        names = (paper.wide(text) for thing in things for text in paper.wrap(thing.name))
        self.right = paper.width - 36 - max(names, default=0)
        self.bottom = 2.3 * paper.row
        self.top = paper.height - (1.5 + len(curve.marks)) * paper.row

    def draw(self) -> None:
        """Everything, from the back to the front."""
        curve = self.curve
        self.draw_frame()
        labels = [self.draw_band(band) for band in curve.bands if band.x]
        for level, dashes in zip(curve.levels, itertools.cycle(RULES), strict=False):
            labels.append(self.draw_level(level.name, level.y, dashes))
        for position, line in enumerate(curve.lines):
            if line.x:
                labels.append(self.draw_line(line, position))
        self.draw_marks()
        self.draw_labels(labels)

    def across(self, values: Iterable[float]) -> list[float]:
        """Where values of x stand."""
        return [self.left + self.x.share(value) * (self.right - self.left) for value in values]

    def up(self, values: Iterable[float]) -> list[float]:
        """Where values of y stand."""
        return [self.bottom + self.y.share(value) * (self.top - self.bottom) for value in values]

    @property
    def ticks(self) -> list[float]:
        """The ticks of x without those that would touch their right neighbour: the last says how far it went."""
        kept: list[float] = []
        edge = math.inf
        for x in sorted(self.x.ticks, reverse=True):
            [centre], half = self.across([x]), self.paper.wide(tick(x)) / 2
            if centre + half <= edge:
                kept.append(x)
                edge = centre - half - self.paper.font / 2
        return kept[::-1]

    def draw_frame(self) -> None:
        """Faint lines to read heights by, numbers, and the names of both axes, none of it turned."""
        paper, ends = self.paper, [self.left, self.right]
        for y, height in zip(self.y.ticks, self.up(self.y.ticks), strict=True):
            self.add(Line2D(ends, [height] * 2, color=INK, alpha=0.15, linewidth=1, transform=None))
            self.write(self.left - 6, height - 0.38 * paper.font, tick(y), align="end")
        self.add(Line2D(ends, [self.bottom] * 2, color=INK, alpha=0.6, linewidth=1, transform=None))
        for x, place in zip(self.ticks, self.across(self.ticks), strict=True):
            self.write(place, self.bottom - 6 - 0.76 * paper.font, tick(x), align="middle")
        self.write(0, paper.height - paper.font, self.curve.y_label, paper.width)
        self.write(self.right, 0.35 * paper.font, self.curve.x_label, self.right, "end")

    def draw_band(self, band: "Band") -> Label:
        """A shade between its two edges."""
        x, low, high = self.across(band.x), self.up(band.low), self.up(band.high)
        self.shade([*zip(x, low, strict=True), *zip(x[::-1], high[::-1], strict=True)])
        return Label((low[-1] + high[-1]) / 2, self.paper.wrap(band.name), None)

    def draw_level(self, name: str, y: float, dashes: Any) -> Label:
        """A rule across the plot."""
        style = {"color": INK, "linewidth": 1.25, "linestyle": dashes}
        [height] = self.up([y])
        self.add(Line2D([self.left, self.right], [height] * 2, transform=None, **style))
        return Label(height, self.paper.wrap(name), style)

    def draw_line(self, line: "Line", position: int) -> Label:
        """The first line is what the chart is about: thicker and solid. Points are shown where they are few, else
        a dot where the line ends."""
        width = 1.75 if position else 2.5 if len(line.x) < 100 else 1.5
        dashes = DASHES[position % len(DASHES)]
        style: dict[str, Any] = {"color": MEASURED, "linewidth": width, "linestyle": dashes}
        x, y = self.across(line.x), self.up(line.y)
        size = 5 if position else 6
        if len(line.x) <= POINTS:
            style |= {"marker": SHAPES[position % len(SHAPES)], "markersize": size}
        self.add(Line2D(x, y, solid_capstyle="round", transform=None, **style))
        if len(line.x) > POINTS:
            self.add(Line2D(x[-1:], y[-1:], color=MEASURED, marker="o", markersize=size, transform=None))
        return Label(y[-1], self.paper.wrap(line.name), style)

    def draw_marks(self) -> None:
        """A thin line for each, up to its name above the plot, which stands on the side that has room."""
        paper, width = self.paper, self.right - self.left
        for position, mark in enumerate(sorted(self.curve.marks, key=lambda mark: mark.x)):
            [x], share = self.across([mark.x]), self.x.share(mark.x)
            top = self.top + (position + 0.9) * paper.row
            self.add(Line2D([x, x], [self.bottom, top], color=INK, linewidth=1, alpha=0.7, transform=None))
            side, shift, room = ("end", -5, share) if share > 0.5 else ("start", 5, 1 - share)
            self.write(x + shift, top - 0.75 * paper.font, mark.name, room * width, side)

    def draw_labels(self, labels: list[Label]) -> None:
        """Names beside the plot, as near to what they name as they can be without touching each other."""
        paper, row = self.paper, self.paper.row
        labels.sort(key=lambda label: -label.height)
        sizes = [len(label.rows) * row + 5 for label in labels]
        centres = [label.height - (len(label.rows) - 1) * row / 2 for label in labels]  # the first row at its height
        low = self.bottom - 4  # beside the plot, not beside the numbers below it, where there is room
        heights = spread(centres, sizes, low if sum(sizes) < paper.height - row - low else 0, paper.height - row)
        x = self.right + 8
        for label, height in zip(labels, heights, strict=True):
            y = height + (len(label.rows) - 1) * row / 2
            if label.style is None:
                self.shade([(x, y - 6), (x + 20, y - 6), (x + 20, y + 6), (x, y + 6)])
            else:
                self.add(Line2D([x, x + 10, x + 20], [y] * 3, markevery=[1], transform=None, **label.style))
            for line, text in enumerate(label.rows):
                self.write(x + 26, y - line * row - 0.36 * paper.font, text)

    def shade(self, corners: list[tuple[float, float]]) -> None:
        self.add(Polygon(corners, facecolor=INK, alpha=0.16, linewidth=0, transform=None))

    def add(self, artist: Artist) -> None:
        """What is added later lies above."""
        artist.set_zorder(len(self.figure.lines) + len(self.figure.patches) + len(self.figure.artists))
        self.figure.add_artist(artist)

    def write(self, x: float, y: float, text: str, room: float | None = None, align: str = "start") -> None:
        """A line of text: at the left of `x`, in its middle or at its end; `y` is its base."""
        place = {"x": f"{x:.1f}", "y": f"{self.paper.height - y:.1f}"}
        element = ElementTree.Element("text", place if align == "start" else place | {"text-anchor": align})
        element.text = legal(text if room is None else self.paper.fit(text, room))
        self.texts.append(element)


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Centres near the wanted ones, which come from above to below, so that nothing overlaps."""
    centres: list[float] = []
    edge = high
    for centre, size in zip(wanted, sizes, strict=True):
        centres.append(min(centre, edge - size / 2))
        edge = centres[-1] - size / 2
    edge = low
    for position in reversed(range(len(centres))):
        centres[position] = max(centres[position], edge + sizes[position] / 2)
        edge = centres[position] + sizes[position] / 2
    return centres
