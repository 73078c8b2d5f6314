"""The pages about a class: an overview, and lists of all students in several orders, a few hundred to a page."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .survey import BINS, Line, Survey, survey

if TYPE_CHECKING:
    import jinja2

    from grader.plugin import ClassView

PER_PAGE = 300
BOUNDARIES = (50.0,)
"""Percent: where a grade changes, such as the pass mark. Set in `[tool.grade.plugins.html_report]`, as is `title`."""
_NAMED = 40
_ALIKE = 20


class Order(NamedTuple):
    """A way to sort the class."""

    key: str
    title: str
    of: "Callable[[Line], Any]"


ORDERS = (
    Order("name", "by name", lambda line: (line.name.casefold(), line.student)),
    Order("points", "by points", lambda line: (line.percent, line.name.casefold())),
    Order("state", "by state", lambda line: (not line.broken, line.status != "invalid", not line.flags, line.fix)),
    Order("time", "by time used", lambda line: -line.seconds),
)


class Bar(NamedTuple):
    """One bar of the distribution."""

    label: str
    count: int  # type: ignore[assignment]  # a template reads it, nobody a tuple's method
    height: float


def class_pages(view: "ClassView", environment: "jinja2.Environment") -> Iterator[tuple[str, bytes]]:
    """`index.html`, then the lists; by file name."""
    settings = view.settings.get("html_report", {})
    title = str(settings.get("title", view.title))
    boundaries = [float(boundary) for boundary in settings.get("boundaries", BOUNDARIES)]
    found = survey(view, boundaries)
    pages = -(-len(found.lines) // PER_PAGE)
    common = {"title": title, "view": view, "found": found, "orders": ORDERS, "pages": pages, "file": file_of}
    percents = found.percents
    index = environment.get_template("class.html").render(
        **common,
        bars=_bars(found),
        middle=percents[len(percents) // 2] if percents else 0.0,
        mean=sum(percents) / len(percents) if percents else 0.0,
        lines=found.lines if len(found.lines) <= PER_PAGE else [],
        named=_NAMED,
        alike=found.alike[:_ALIKE],
    )
    yield "index.html", _bytes(index)
    template = environment.get_template("class_list.html")
    for order in ORDERS:
        lines = sorted(found.lines, key=order.of)
        for page in range(pages):
            part = lines[page * PER_PAGE : (page + 1) * PER_PAGE]
            yield file_of(order.key, page), _bytes(template.render(**common, order=order, page=page, lines=part))


def file_of(order: str, page: int) -> str:
    """What a page of a list is called."""
    return f"by-{order}-{page + 1}.html"


def _bars(found: Survey) -> list[Bar]:
    most = max(found.bins, default=0) or 1
    width = 100 // BINS
    labels = [f"{start * width} to {(start + 1) * width} %" for start in range(BINS)]
    return [Bar(label, count, 100 * count / most) for label, count in zip(labels, found.bins, strict=True)]


def _bytes(page: str) -> bytes:
    return page.encode("utf-8", "replace")  # a lone surrogate must not stop a report
