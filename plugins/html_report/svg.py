"""Elements of a drawing: ElementTree escapes what is written into them, and the page gives them font and colours.

Everything is drawn in `currentColor`. What was measured has the class `measured`, which a style sheet may colour.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

Point = tuple[float, float]
"""A place on the paper, in pixels from its left and from its top."""


class Pen(NamedTuple):
    """How a line is drawn."""

    width: float = 1.0
    dashes: tuple[float, ...] = ()
    """Lengths of strokes and gaps, in widths of the line; none for a solid line."""
    opacity: float = 1.0
    is_measured: bool = False

    @property
    def attributes(self) -> dict[str, str]:
        """What differs from SVG's own defaults. Attributes, because a page's style sheet may overrule them."""
        found = {"fill": "none", "stroke": "currentColor"}
        if self.width != 1:
            found["stroke-width"] = decimal(self.width)
        if self.dashes:
            found["stroke-dasharray"] = " ".join(decimal(length * self.width) for length in self.dashes)
        elif self.is_measured:
            found["stroke-linecap"] = "round"
        if self.opacity != 1:
            found["stroke-opacity"] = decimal(self.opacity)
        return found | ({"class": "measured"} if self.is_measured else {})


def add_path(parent: Element, points: Iterable[Point], pen: Pen) -> None:
    """A line through these points."""
    SubElement(parent, "path", pen.attributes | {"d": path_data(points)})


def add_area(parent: Element, corners: Iterable[Point]) -> None:
    """A shade that lines and words can be read through."""
    SubElement(parent, "path", {"d": f"{path_data(corners)}z", "opacity": "0.16"})


def add_shape(parent: Element, id: str, data: str) -> None:
    """A shape around (0, 0), to be shown by `add_uses`."""
    SubElement(SubElement(parent, "defs"), "path", {"id": id, "d": data, "fill": "currentColor"})


def add_uses(parent: Element, id: str, points: Iterable[Point]) -> None:
    """The shape of this id at each of these points."""
    for x, y in points:
        SubElement(parent, "use", {"href": f"#{id}", "x": decimal(x), "y": decimal(y), "class": "measured"})


def add_dot(parent: Element, point: Point, radius: float) -> None:
    """A disc for something that was measured."""
    place = {"cx": decimal(point[0]), "cy": decimal(point[1]), "r": decimal(radius)}
    SubElement(parent, "circle", place | {"fill": "currentColor", "class": "measured"})


def add_text(parent: Element, x: float, y: float, text: str, anchor: str = "start") -> None:
    """A line of text on the base line `y`, with its start, middle or end at `x`."""
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}"} | ({} if anchor == "start" else {"text-anchor": anchor})
    SubElement(parent, "text", place).text = legal(text)


def path_data(points: Iterable[Point]) -> str:
    """The `d` of a path: a move to the first point, then straight lines, each from where the last one ended.

    Relative, because this is a third shorter; of whole hundredths of a pixel, so that no rounding adds up.
    """
    parts, before = [], (0, 0)
    for x, y in points:
        point = round(100 * x), round(100 * y)
        parts.append(f"{decimal((point[0] - before[0]) / 100)} {decimal((point[1] - before[1]) / 100)}")
        before = point
    return f"m{' '.join(parts)}"


def decimal(value: float) -> str:
    """A number of at most two decimals: a hundredth of a pixel."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def legal(text: str) -> str:
    """The text with a replacement for each character that XML cannot hold."""
    return re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
