"""Turns a confusion matrix or samples into a table: the text and marks of each cell.

No colours here. A shade is a class from `shade1` to `shade5`, which a style sheet turns into one; all else is text
that the template escapes.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from grader.figures import Cell, Matrix, Samples

CLASSES, ROWS, COLUMNS, CHARACTERS = (
    18,
    20,
    8,
    200,
)  # limits: classes of a matrix, rows and columns of samples, characters of a cell
SHADES = 5
SIGNS = {" ": "␣", "\t": "⇥", "\n": "↵"}  # shown in place of white space that differs


class Count(NamedTuple):
    """A cell of a confusion matrix."""

    text: str
    style: str
    """CSS classes: the shade, and whether the cell counts correct answers."""


class Class(NamedTuple):
    """A row of a confusion matrix."""

    label: str
    cells: list[Count]
    right: str


class MatrixTable(NamedTuple):
    """A confusion matrix as it stands on the page."""

    title: str
    sentence: str
    description: str
    row_label: str
    column_label: str
    labels: list[str]
    rows: list[Class]
    gaps: list[str]
    macro: str = "matrix"


class Piece(NamedTuple):
    """A run of text. An empty run that differs marks missing text."""

    differs: bool
    text: str


class Text(NamedTuple):
    """A cell of samples: its text, and a description of its marks for screen readers."""

    pieces: list[Piece]
    remark: str


class SamplesTable(NamedTuple):
    """Samples as they stand on the page."""

    title: str
    sentence: str
    description: str
    columns: list[str]
    rows: list[list[Text]]
    gaps: list[str]
    macro: str = "samples"


def matrix(figure: "Matrix") -> MatrixTable:
    """Counts shaded by their share of the row; each row ends with its percentage of correct answers."""
    labels = figure.labels[:CLASSES]
    rows = []
    for place, label in enumerate(labels):
        counts, total = figure.counts[place], sum(figure.counts[place])
        cells = [_counted(count, total, place == column) for column, count in enumerate(counts[:CLASSES])]
        rows.append(Class(label, cells, _percent(counts[place], total)))
    gaps = [_left_out(len(figure.labels) - len(labels), "class", "classes")]
    names = figure.row_label, figure.column_label
    return MatrixTable(figure.title, figure.sentence, figure.in_words, *names, labels, rows, list(filter(None, gaps)))


def samples(figure: "Samples") -> SamplesTable:
    """Unchanged text, split into pieces; white space that differs is shown as a symbol."""
    rows = [[_text(cell) for cell in row[:COLUMNS]] for row in figure.rows[:ROWS]]
    gaps = [
        _left_out(len(figure.rows) - len(rows), "row", "rows"),
        _left_out(len(figure.columns) - COLUMNS, "column", "columns"),
    ]
    description = figure.description
    if not description:
        marked = sum(any(cell.marks for cell in row) for row in figure.rows)
        description = f"{marked} of {len(figure.rows)} rows have marks."
    columns = figure.columns[:COLUMNS]
    return SamplesTable(figure.title, figure.sentence, description, columns, rows, list(filter(None, gaps)))


def _counted(count: int, total: int, is_right: bool) -> Count:
    shade = f"shade{math.ceil(SHADES * count / total)}" if count else "none"
    return Count(str(count), f"{shade} right" if is_right else shade)


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.0f} %" if total else "–"


def _text(cell: "Cell") -> Text:
    pieces = list(_pieces(cell))
    remarks = []
    for start, end in cell.marks:
        if start == end:
            remarks.append(f"text is missing {f'after character {start}' if start else 'at the start'}")
        else:
            remarks.append(f"characters {start + 1} to {end} differ" if end > start + 1 else f"character {end} differs")
    if len(cell.text) > CHARACTERS:
        pieces.append(Piece(False, f" … ({len(cell.text) - CHARACTERS} more characters)"))
    return Text(pieces, ", ".join(remarks[:5]) + (", and more" if len(remarks) > 5 else ""))


def _pieces(cell: "Cell") -> Iterator[Piece]:
    at, shown = 0, cell.text[:CHARACTERS]
    for start, end in cell.marks:
        if start > len(shown):
            break
        if at < start:
            yield Piece(False, shown[at:start])
        if start == end or start < len(shown):
            yield Piece(True, "".join(map(_sign, shown[start:end])))
        at = end
    if at < len(shown):
        yield Piece(False, shown[at:])


def _sign(character: str) -> str:
    """A visible form of a character that differs."""
    return SIGNS.get(character, character if character.isprintable() else "\ufffd")


def _left_out(count: int, one: str, many: str) -> str:
    return "" if count < 1 else f"1 more {one} is not shown." if count == 1 else f"{count} more {many} are not shown."
