"""One self-contained HTML page per student: this package chooses what to show, the templates in
`reports/` how it looks."""

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from grader.figures import Matrix, Samples
from grader.plugin import ReportWriter, first_to_fix, format_points, hookimpl

from .fitting import render_small_enough, with_short_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jinja2

    from grader.figures import Curve, Figure
    from grader.plugin import Adjustment, ClassView, Conditions, Grade

    from .numbers import Table
    from .tables import MatrixTable, SamplesTable


class Block(NamedTuple):
    """A stretch of a message: code as it is, or prose in spans of (is code, text)."""

    code: str
    spans: list[tuple[bool, str]]


class Chart(NamedTuple):
    """A curve as it stands on the page: one drawing for each width, and the same as text and a table."""

    title: str
    sentence: str
    drawings: list[str]
    gaps: list[str]
    facts: list[str]
    table: "Table"
    macro: str = "chart"
    """Which one of `parts.html` shows it."""


@hookimpl
def grader_reports(reports: Sequence[Path]) -> list[ReportWriter]:
    """The page of `submission.html`, looked for in `reports` in order: a course's own template wins."""

    @cache  # one environment per course, made when the first page is asked for
    def environment() -> "jinja2.Environment":
        return make_environment(reports)

    def page(
        grade: "Grade",
        conditions: "Conditions",
        evidence: "Mapping[str, Sequence[Figure]] | None" = None,
        adjustments: "Sequence[Adjustment]" = (),
    ) -> str:
        points, percent = counted(grade, adjustments)
        template = environment().get_template("submission.html")

        def render(grade: "Grade", figures: dict[str, Sequence[Any]]) -> str:
            return template.render(
                grade=grade,
                conditions=conditions,
                fix=first_to_fix(grade),
                figures=figures,
                adjustments=adjustments,
                points=points,
                percent=percent,
            )

        shown: dict[str, Sequence[Any]] = {id: show(id, figures) for id, figures in (evidence or {}).items() if figures}
        text = render_small_enough(render, grade, shown)
        return text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate must not stop a report

    def about_class(view: "ClassView") -> "Iterator[tuple[str, bytes]]":
        from .class_pages import class_pages

        return class_pages(view, environment())

    return [ReportWriter(name="html", page=page, class_pages=about_class)]


def make_environment(reports: Sequence[Path]) -> "jinja2.Environment":
    """Templates that escape everything and refuse a name they do not know."""
    import jinja2  # here, because `grade --help` should not wait for it

    own_first = jinja2.FileSystemLoader(reports)
    bundled = jinja2.PrefixLoader({"bundled": jinja2.FileSystemLoader(reports[-1:])})
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([own_first, bundled]),  # `bundled/submission.html`: what a course's own extends
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"points": format_points, "signed": signed, "blocks": blocks, "spans": spans}
    environment.filters.update(filters)
    return environment


def counted(grade: "Grade", adjustments: "Sequence[Adjustment]") -> tuple[float, float]:
    """The points that count, never below 0, and what percentage they are."""
    if not adjustments:
        return grade.points, grade.percent
    points = max(0.0, round(grade.points + sum(adjustment.points for adjustment in adjustments), 2))
    return points, round(100 * points / grade.max_points, 2) if grade.max_points else 0.0


def signed(points: float) -> str:
    """Points given or taken, with a sign that is as wide as a digit."""
    return f"{'−' if points < 0 else '+'}{format_points(abs(points))}"


def show(exercise: str, figures: "Sequence[Figure]") -> "list[Chart | MatrixTable | SamplesTable]":
    """What a check has shown of an exercise, drawn or laid out as a table."""
    ids = (f"chart-{exercise}-{count}" for count in itertools.count(1))
    return [_show(with_short_texts(figure), id) for figure, id in zip(figures, ids, strict=False)]


def _show(figure: "Figure", id: str) -> "Chart | MatrixTable | SamplesTable":
    if not isinstance(figure, Matrix | Samples):
        return draw(figure, id)
    from . import tables  # here, because most pages have no table of this kind

    return tables.matrix(figure) if isinstance(figure, Matrix) else tables.samples(figure)


def draw(curve: "Curve", prefix: str) -> Chart:
    """A curve on each paper, with ids that begin with `prefix`."""
    from . import drawing, numbers  # here, because most exercises have no curve

    description = numbers.describe(curve)
    drawings = [drawing.draw(curve, paper, f"{prefix}-{paper.name}", description) for paper in drawing.PAPERS]
    texts = numbers.gaps(curve), numbers.facts(curve), numbers.table(curve)
    return Chart(curve.title, curve.sentence, drawings, *texts)


def blocks(text: str) -> list[Block]:
    """Separate prose from code: a traceback or an indented line is code, and so is all that follows it."""
    lines = text.strip("\n").split("\n")
    is_code = re.compile(r"\s+\S|Traceback \(most recent call last\)").match
    start = next((number for number, line in enumerate(lines) if is_code(line)), len(lines))
    prose, code = "\n".join(lines[:start]), "\n".join(lines[start:])
    return [Block("", spans(prose))] * bool(prose) + [Block(code, [])] * bool(code)


def spans(prose: str) -> list[tuple[bool, str]]:
    """Split at `backticks`, as teachers write names in hints. Plain data: the template escapes it."""
    parts = re.split(r"`([^`\n]+)`", prose)
    return [(number % 2 == 1, part) for number, part in enumerate(parts) if part]
