"""A curve as SVG to stand inside a page: matplotlib draws it, then it is made to look like the page around it.

The page's font and colours come in from outside: text stays text, black becomes `currentColor`, and what was measured
carries the class `measured`, which a style sheet may colour. Without any, dashes and words tell all apart.
"""

import contextlib
import io
import itertools
import logging
import math
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

# matplotlib obeys a `matplotlibrc` in the current folder, which may be a student's.
with contextlib.chdir(Path(__file__).parent):
    import matplotlib
    import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator

from .numbers import tick

if TYPE_CHECKING:
    from grader import Band, Curve, Line

logging.getLogger("matplotlib").addHandler(logging.NullHandler())  # its remarks on fonts are not for the terminal

INK, MEASURED = "#000000", "#0000ff"  # both become `currentColor`, the second with the class `measured`
DASHES = (
    "solid",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (12, 2)),
)  # of the first line, the second, ...
SHAPES = "osD^v"  # of the points of each line, where they are few
POINTS = 12  # at most, for each to be shown
TICKS = 6  # at most, for every place that was measured to have a tick of its own
RULES = ((0, (7, 4)), (0, (1.5, 3)), (0, (7, 3, 1.5, 3)))  # of the levels
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "report", "path.simplify_threshold": 0.5}
KEPT = {"viewBox", "d", "x", "y", "href", "transform", "fill", "opacity", "text-anchor", "font-size"}
KEPT |= {f"stroke{part}" for part in ("", "-opacity", "-width", "-dasharray", "-linecap", "-linejoin")}
LARGEST = 1e100  # what lies beyond is drawn there: matplotlib's axes do not reach the ends of float64


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
    """Where they would stand best, in pixels from below."""
    rows: list[str]
    style: dict[str, Any]


def draw(curve: "Curve", paper: Paper, prefix: str, description: str) -> str:
    """The curve as one `<svg>` element, every id in it beginning with `prefix`."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        drawing = Drawing(curve, paper)
        drawing.draw()
        file = io.StringIO()
        drawing.figure.savefig(file, format="svg", transparent=True)
    svg = _bare(ElementTree.fromstring(file.getvalue()), drawing.texts, prefix)
    for tag, text in (("desc", description), ("title", curve.title)):
        element = ElementTree.Element(tag, id=f"{prefix}-{tag}")
        element.text = _legal(text)
        svg.insert(0, element)
    svg.attrib = {
        "class": f"chart {paper.name}",
        "viewBox": svg.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{prefix}-title",
        "aria-describedby": f"{prefix}-desc",
        "fill": "currentColor",  # black is not written out
        "stroke-linejoin": "round",
    }
    return ElementTree.tostring(svg, encoding="unicode")


class Drawing:
    """A matplotlib figure in the making. Heights and widths are pixels, from below and from the left."""

    def __init__(self, curve: "Curve", paper: Paper) -> None:
        self.curve, self.paper = curve, paper
        self.texts: dict[str, str] = {}
        """By the token that stands for it: matplotlib never reads what a student may have written."""
        self.figure = matplotlib.figure.Figure(figsize=(paper.width / 72, paper.height / 72), dpi=72)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.figure.patch.set_visible(False)
        self.axes.patch.set_visible(False)

    def draw(self) -> None:
        """Everything, from the back to the front."""
        curve = self.curve
        _set_axes(self.axes, curve, self.paper)
        self.place_axes()
        self.draw_frame()
        labels = [self.draw_band(band) for band in curve.bands if band.x]
        for level, dashes in zip(curve.levels, itertools.cycle(RULES), strict=False):
            labels.append(self.draw_level(level.name, level.y, dashes))
        for position, line in enumerate(curve.lines):
            if line.x:
                labels.append(self.draw_line(line, position))
        self.draw_marks()
        self.draw_labels(labels)

    def place_axes(self) -> None:
        """Leave room for numbers at the left and below, marks above, and labels at the right."""
        curve, paper, row = self.curve, self.paper, self.paper.row
        things = (*curve.lines, *curve.bands, *curve.levels)
        left = 8 + max((paper.wide(tick(y)) for y in self.axes.get_yticks()), default=0)
        right = 36 + max((paper.wide(text) for thing in things for text in paper.wrap(thing.name)), default=0)
        bottom, top = 2.3 * row, (1.5 + len(curve.marks)) * row
        width, height = paper.width - left - right, paper.height - bottom - top
        self.axes.set_position((left / paper.width, bottom / paper.height, width / paper.width, height / paper.height))
        self.thin_ticks()

    def thin_ticks(self) -> None:
        """Leave out what would touch its right neighbour: the last tick says how far a measurement went."""
        kept: list[float] = []
        edge = math.inf
        for x in sorted(self.axes.get_xticks(), reverse=True):
            centre, half = self.axes.transData.transform((x, self.axes.get_ylim()[0]))[0], self.paper.wide(tick(x)) / 2
            if centre + half <= edge:
                kept.append(x)
                edge = centre - half - self.paper.font / 2
        self.axes.set_xticks(kept[::-1])

    def draw_frame(self) -> None:
        """Faint lines to read heights by, numbers, and the names of both axes, none of it turned."""
        axes, paper, box = self.axes, self.paper, self.axes.get_window_extent()
        axes.minorticks_off()
        axes.set_xticklabels([self.token(tick(x)) for x in axes.get_xticks()])
        axes.set_yticklabels([self.token(tick(y)) for y in axes.get_yticks()])
        axes.tick_params(length=0, pad=6, labelsize=paper.font, labelcolor=INK)
        axes.grid(axis="y", color=INK, alpha=0.15, linewidth=1, clip_on=False)
        axes.set_axisbelow(True)
        for side in ("left", "top", "right"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set(color=INK, alpha=0.6, linewidth=1)
        self.write(0, paper.height - paper.font, self.curve.y_label, paper.width)
        self.write(box.x1, 0.35 * paper.font, self.curve.x_label, box.x1, "right")

    def draw_band(self, band: "Band") -> Label:
        """A shade between its two edges."""
        x, low, high = self.across(band.x), self.up(band.low), self.up(band.high)
        style = {"facecolor": INK, "alpha": 0.16, "linewidth": 0}
        self.axes.fill(x + x[::-1], low + high[::-1], clip_on=False, **style)
        return self.label((low[-1] * high[-1]) ** 0.5 if self.is_log else (low[-1] + high[-1]) / 2, band.name, style)

    def draw_level(self, name: str, y: float, dashes: Any) -> Label:
        """A rule across the plot."""
        style = {"color": INK, "linewidth": 1.25, "linestyle": dashes}
        self.axes.axhline(*self.up([y]), clip_on=False, **style)
        return self.label(y, name, style)

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
        else:
            self.axes.plot(x[-1:], y[-1:], "o", color=MEASURED, markersize=size, clip_on=False, zorder=4)
        self.axes.plot(x, y, solid_capstyle="round", clip_on=False, zorder=3, **style)
        return self.label(line.y[-1], line.name, style)

    def draw_marks(self) -> None:
        """A thin line for each, up to its name above the plot, which stands on the side that has room."""
        (first, last), box, paper = self.axes.get_xlim(), self.axes.get_window_extent(), self.paper
        for position, mark in enumerate(sorted(self.curve.marks, key=lambda mark: mark.x)):
            share = (self.across([mark.x])[0] - first) / (last - first)
            x, top = box.x0 + share * box.width, box.y1 + (position + 0.9) * paper.row
            self.figure.add_artist(Line2D([x, x], [box.y0, top], color=INK, linewidth=1, alpha=0.7, transform=None))
            side, shift, room = ("right", -5, share) if share > 0.5 else ("left", 5, 1 - share)
            self.write(x + shift, top - 0.75 * paper.font, mark.name, room * box.width, side)

    def draw_labels(self, labels: list[Label]) -> None:
        """Names beside the plot, as near to what they name as they can be without touching each other."""
        paper, row = self.paper, self.paper.row
        labels.sort(key=lambda label: -label.height)
        sizes = [len(label.rows) * row + 5 for label in labels]
        centres = [label.height - (len(label.rows) - 1) * row / 2 for label in labels]  # the first row at its height
        heights = spread(centres, sizes, 0, paper.height - row)
        x = self.axes.get_window_extent().x1 + 8
        for label, height in zip(labels, heights, strict=True):
            y = height + (len(label.rows) - 1) * row / 2
            if "facecolor" in label.style:
                sample = Rectangle((x, y - 6), 20, 12, transform=None, **label.style)
            else:
                sample = Line2D([x, x + 10, x + 20], [y] * 3, markevery=[1], transform=None, **label.style)
            self.figure.add_artist(sample)
            for line, text in enumerate(label.rows):
                self.write(x + 26, y - line * row - 0.36 * paper.font, text)

    @property
    def is_log(self) -> bool:
        return self.axes.get_yscale() == "log"

    def across(self, values: list[float]) -> list[float]:
        """What the axis of x can show."""
        low, high = self.axes.get_xlim()
        return [max(low, min(high, value)) for value in values]

    def up(self, values: list[float]) -> list[float]:
        """What the axis of y can show: what is not positive stands at the lower edge of a logarithmic one."""
        low, high = self.axes.get_ylim()
        return [max(low, min(high, value)) for value in values]

    def label(self, y: float, name: str, style: dict[str, Any]) -> Label:
        height = self.axes.transData.transform((self.axes.get_xlim()[0], *self.up([y])))[1]
        return Label(height, self.paper.wrap(name), style)

    def write(self, x: float, y: float, text: str, room: float | None = None, align: str = "left") -> None:
        token = self.token(text if room is None else self.paper.fit(text, room))
        self.figure.text(x, y, token, color=INK, fontsize=self.paper.font, ha=align, transform=None)

    def token(self, text: str) -> str:
        token = str(len(self.texts)).ljust(len(text), "_")
        self.texts[token] = _legal(text)
        return token


def _set_axes(axes: Axes, curve: "Curve", paper: Paper) -> None:
    """Limits that hold everything, and few ticks with round numbers."""
    xs = [x for thing in (*curve.lines, *curve.bands) for x in thing.x] + [mark.x for mark in curve.marks]
    ys = [y for line in curve.lines for y in line.y] + [y for band in curve.bands for y in band.low + band.high]
    ys += [level.y for level in curve.levels]
    xs, ys = ([max(-LARGEST, min(LARGEST, value)) for value in values] for values in (xs, ys))

    first, last = min(xs, default=0), max(xs, default=1)
    if first == last:
        first, last = first - 0.5 * (abs(first) or 1), last + 0.5 * (abs(last) or 1)
    axes.set_xlim(first, last)
    places = sorted(set(xs))
    if not 0 < len(places) <= TICKS:
        count = MaxNLocator(paper.width // 80, integer=all(x == int(x) for x in xs))
        places = [x for x in count.tick_values(first, last) if first <= x <= last]
    axes.set_xticks(places)

    if positive := [max(y, 1 / LARGEST) for y in ys if y > 0] if curve.log_y else []:
        low, high = min(positive) / 1.25, max(positive) * 1.25
        axes.set_yscale("log")
        steps = (1, 2, 5) if high / low < 20 else (1, 3) if high / low < 1000 else (1,)
        heights = LogLocator(subs=steps, numticks=8)
    else:
        low, high = min(ys, default=0), max(ys, default=1)
        pad = 0.05 * (high - low) or 0.5 * abs(high) or 1
        low, high = low - pad, high + pad
        heights = MaxNLocator(5)
    axes.set_ylim(low, high)
    axes.set_yticks([y for y in heights.tick_values(low, high) if low <= y <= high])


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


# From matplotlib's file to an element of a page


def _bare(element: ElementTree.Element, texts: dict[str, str], prefix: str) -> ElementTree.Element:
    """The same without what the page has already: a size, a style sheet, fonts, namespaces, groups of nothing."""
    new = ElementTree.Element(_local(element.tag), _attributes(element, prefix))
    for child in element:
        bare = _bare(child, texts, prefix)
        if bare.tag == "g" and not bare.attrib:
            new.extend(bare)  # a group of nothing in particular
        elif bare.tag not in ("metadata", "style") and (len(bare) or bare.tag not in ("g", "defs")):
            new.append(bare)
    if new.tag == "text":
        new.text = texts[element.text or ""]
    return new


def _attributes(element: ElementTree.Element, prefix: str) -> dict[str, str]:
    """What is said of the element, its style included, as attributes: a page's style sheet may overrule them."""
    found = {_local(name): value for name, value in element.attrib.items()}
    for declaration in found.get("style", "").split(";"):
        name, _, value = declaration.partition(":")
        found[name.strip()] = value.strip()
    if size := re.search(r"[\d.]+(?=px)", found.get("font", "")):
        found["font-size"] = size[0]
    if found.get("transform", "").startswith("rotate(-0 "):
        del found["transform"]
    kept = {name: _value(value, prefix) for name, value in found.items() if name in KEPT}
    if MEASURED in found.values():
        kept["class"] = "measured"
    if "id" in found and element.tag.endswith("}path"):  # a shape to be used elsewhere; other ids are only names
        kept["id"] = f"{prefix}-{found['id']}"
    return kept


def _value(value: str, prefix: str) -> str:
    """The page's colour, the chart's ids, two decimals."""
    if value in (INK, MEASURED):
        return "currentColor"
    value = " ".join(re.sub(r"#(?=\w)", f"#{prefix}-", value).split())
    return re.sub(r"\d+\.\d+", lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), value)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _legal(text: str) -> str:
    """Characters that XML cannot hold are replaced."""
    return re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
