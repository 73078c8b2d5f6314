"""The data behind a report's figures: a curve, a confusion matrix, or samples side by side.

A check supplies the numbers and the text; the report decides how they look. Nothing here imports torch, but tensors
are accepted as columns and become lists of floats.

    Curve(
        title="Learning",
        sentence="Your model reached an error of 0.004; full marks need 0.01.",
        x_label="training steps",
        y_label="mean squared error",
        lines=[Line("your model", steps, errors)],
        bands=[Band("reference solutions", steps, lowest, highest)],
        levels=[Level("a constant guess", 0.167)],
        marks=[Mark("stopped at step 325", 325)],
        log_y=True,
    )
    Matrix("Confusion", "92 of 100 names are right.", ["Czech", "Dutch"], [[48, 2], [6, 44]])
    Samples("Dates", "9 of 10 dates are right.", ["asked", "answered"],
            [[Cell("1 May 2024"), differing("2024-05-10", "2024-05-01")]])

Text may come from students or from their models, so cells and labels are sanitized here, once, for every report. A
report still has to escape them.
"""

import math
import operator
from collections.abc import Sequence

import msgspec

from grader.records.confusion import LABEL, Matrix
from grader.records.sanitize import sanitize


class Line(msgspec.Struct, frozen=True):
    """A measured series: `x` in the unit of `x_label`, `y` in that of `y_label`.

    Points that are not finite are dropped and counted. The others are sorted by `x`.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dropped: int = 0
    """How many points were not finite. A report says so: a training that diverged must not look short."""

    def __post_init__(self) -> None:
        _keep_finite(self, "x", "y")


class Band(msgspec.Struct, frozen=True):
    """A range to compare with, such as from the lowest to the highest of several reference runs.

    `x` is in the unit of `x_label`, `low` and `high` in that of `y_label`. Points that are not finite are dropped and
    counted.
    """

    name: str
    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    dropped: int = 0

    def __post_init__(self) -> None:
        _keep_finite(self, "x", "low", "high")
        for x, low, high in zip(self.x, self.low, self.high, strict=True):
            if low > high:
                raise ValueError(f"band '{self.name}': low is above high at x = {x:g}: {low:g} > {high:g}")


class Level(msgspec.Struct, frozen=True):
    """A horizontal line to compare with, such as the score of a constant guess. `y` in the unit of `y_label`."""

    name: str
    y: float

    def __post_init__(self) -> None:
        _refuse_infinite(self, "y")


class Mark(msgspec.Struct, frozen=True):
    """An event at one `x`, such as the end of training. `x` in the unit of `x_label`."""

    name: str
    x: float

    def __post_init__(self) -> None:
        _refuse_infinite(self, "x")


class Curve(msgspec.Struct, frozen=True, tag=True):
    """Lines over a common axis, with what to compare them to and a sentence that says what they show."""

    title: str
    sentence: str
    """The conclusion, with the numbers that matter: the chart is the evidence for it."""
    x_label: str
    """What `x` is, with its unit: "training steps"."""
    y_label: str
    """What `y` is, with its unit: "mean squared error"."""
    lines: list[Line]
    bands: list[Band] = []
    levels: list[Level] = []
    marks: list[Mark] = []
    log_y: bool = False
    """Show `y` on a logarithmic axis. Values that are not positive are drawn at its lower edge."""
    description: str = ""
    """Alternative text. By default, the report says where each line starts and ends."""

    @property
    def drawn(self) -> list[Line | Band]:
        """Lines, then bands."""
        return [*self.lines, *self.bands]


class Cell(msgspec.Struct, frozen=True):
    """A short text, such as a model's answer, with marks where it differs from what was expected.

    A character that cannot be shown is replaced by one placeholder, so that no mark moves.
    """

    text: str
    marks: list[tuple[int, int]] = []
    """Ranges (start, end), end exclusive, where the text differs. An empty range: something is missing there."""

    def __post_init__(self) -> None:
        marks = [(operator.index(start), operator.index(end)) for start, end in self.marks]
        for start, end in marks:
            if not 0 <= start <= end <= len(self.text):
                raise ValueError(
                    f"'{sanitize(self.text, LABEL)}': a mark must be inside its text of {len(self.text)} characters, "
                    f"found {start} to {end}"
                )
        text, whole = self.text, len(self.text)
        if sanitize(text, whole) != text:
            text = "".join(map(_replace_invisible, text))
            if sanitize(text, whole) != text:  # it still holds a host path, whose removal would shift the marks
                text = sanitize(text, whole)
                marks = [(0, len(text))] if marks else []
        msgspec.structs.force_setattr(self, "text", text)
        msgspec.structs.force_setattr(self, "marks", _joined(marks))


class Samples(msgspec.Struct, frozen=True, tag=True):
    """Examples side by side: the input, the expected answer, the model's answer."""

    title: str
    sentence: str
    columns: list[str]
    rows: list[list[Cell]]
    description: str = ""
    """Alternative text. By default, the report says how many rows have marks."""

    def __post_init__(self) -> None:
        columns = [sanitize(str(column), LABEL) for column in self.columns]
        if not columns:
            raise ValueError(f"'{self.title}': samples need at least one column")
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(columns):
                raise ValueError(
                    f"'{self.title}': expected one cell per column: {len(columns)} columns, row {number} has {len(row)}"
                )
        msgspec.structs.force_setattr(self, "columns", columns)


Figure = Curve | Matrix | Samples
"""Anything that a report can show."""


def input_gradient(gradient: Sequence[float], setting: str = "") -> Curve:
    """How far back a trained model can learn: the size of the gradient of its answer with respect to each input.

    Args:
        gradient: the mean size at each step of the input (T,), as `probes.gradient_by_step` returns it.
        setting: what distinguishes this training from others of the exercise: "at 50 steps".
    """
    first, last = float(gradient[0]), float(gradient[-1])
    sentence = f"The gradient of the trained model's answer is {last:.2g} with respect to the last step of its input"
    sentence += f" and {first:.2g} with respect to the first"
    if last > first > 0:
        sentence += f": on its way back it shrinks by a factor of {last / first:.2g}"
    return Curve(
        title=f"Gradient of the answer with respect to each input {setting}".rstrip(),
        sentence=f"{sentence}.",
        x_label="time step, from 0",
        y_label="mean size of the gradient",
        lines=[Line("your model", [float(step) for step in range(len(gradient))], gradient)],
        log_y=True,
    )


def differing(answer: str, expected: str) -> Cell:
    """`answer`, marked at each position where it differs from `expected`, and at its end where the lengths differ."""
    pairs = enumerate(zip(answer, expected, strict=False))
    marks = [(position, position + 1) for position, (found, wanted) in pairs if found != wanted]
    if len(answer) > len(expected):
        marks.append((len(expected), len(answer)))
    elif len(answer) < len(expected):
        marks.append((len(answer), len(answer)))
    return Cell(answer, marks)


def _replace_invisible(character: str) -> str:
    return character if sanitize(character) else "\ufffd"


def _joined(marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The marks in order, touching ones merged; empty ones only where no other mark surrounds them."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted({mark for mark in marks if mark[0] < mark[1]}):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    empty = {at for at, end in marks if at == end and not any(start < at < stop for start, stop in joined)}
    return sorted([*joined, *((at, at) for at in empty)])


def _keep_finite(figure: Line | Band, *names: str) -> None:
    """Turn the named columns into lists of floats, without the rows that hold a value that is not finite."""
    columns = [[float(value) for value in getattr(figure, name)] for name in names]
    lengths = ", ".join(f"{name} has {len(column)}" for name, column in zip(names, columns, strict=True))
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"'{figure.name}': expected one value per point: {lengths}")
    rows = list(zip(*columns, strict=True))
    kept = sorted((row for row in rows if all(map(math.isfinite, row))), key=lambda row: row[0])
    for number, name in enumerate(names):
        msgspec.structs.force_setattr(figure, name, [row[number] for row in kept])
    msgspec.structs.force_setattr(figure, "dropped", figure.dropped + len(rows) - len(kept))


def _refuse_infinite(figure: Level | Mark, name: str) -> None:
    value = float(getattr(figure, name))
    if not math.isfinite(value):
        raise ValueError(f"'{figure.name}': {name} must be finite, found {value}")
    msgspec.structs.force_setattr(figure, name, value)
