"""What a report can show: numbers and words, not drawing. A curve, a confusion matrix, or samples side by side.

A check says what is to be seen; how that looks is the report's business. No torch here: tensors are welcome as
columns, and become lists of floats.

    Curve(
        title="Learning",
        sentence="Your model reached an error of 0.004; full marks need 0.01.",
        x_label="training steps",
        y_label="mean squared error",
        lines=[Line("your model", steps, errors)],
        bands=[Band("reference solutions", steps, lowest, highest)],
        levels=[Level("knowing nothing", 0.167)],
        marks=[Mark("stopped at step 325", 325)],
        log_y=True,
    )
    Matrix("Confusion", "92 of 100 names are right.", ["Czech", "Dutch"], [[48, 2], [6, 44]])
    Samples("Dates", "9 of 10 dates are right.", ["asked", "answered"],
            [[Cell("1 May 2024"), differing("2024-05-10", "2024-05-01")]])

Words may come from students, or from their models: what stands in a cell or is a label is cleaned here, once, for
every report. A report still has to escape it.
"""

import math
import operator
from collections.abc import Sequence

import msgspec

from grader.records.confusion import LABEL, Matrix
from grader.records.sanitize import plain


class Line(msgspec.Struct, frozen=True):
    """What was measured, point by point: `x` in the unit of `x_label`, `y` in that of `y_label`.

    Points that are not finite are left out and counted. The others are kept in the order of `x`.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dropped: int = 0
    """How many points were not finite. A report says so: a training that diverged must not look short."""

    def __post_init__(self) -> None:
        _keep_finite(self, "x", "y")


class Band(msgspec.Struct, frozen=True):
    """A range to compare with, such as between the lowest and the highest of several reference runs.

    `x` is in the unit of `x_label`, `low` and `high` in that of `y_label`. Points that are not finite are left out
    and counted.
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
    """A value to compare with at every `x`, such as what knowing nothing scores. `y` in the unit of `y_label`."""

    name: str
    y: float

    def __post_init__(self) -> None:
        _refuse_infinite(self, "y")


class Mark(msgspec.Struct, frozen=True):
    """Something that happened at one `x`, such as the stop of training. `x` in the unit of `x_label`."""

    name: str
    x: float

    def __post_init__(self) -> None:
        _refuse_infinite(self, "x")


class Curve(msgspec.Struct, frozen=True, tag=True):
    """Something measured along something else, with what to compare it to, and a sentence that says what is seen."""

    title: str
    sentence: str
    """What a reader takes away, with the numbers that matter: the chart is the evidence for it."""
    x_label: str
    """What `x` is, with its unit: "training steps"."""
    y_label: str
    """What `y` is, with its unit: "mean squared error"."""
    lines: list[Line]
    bands: list[Band] = []
    levels: list[Level] = []
    marks: list[Mark] = []
    log_y: bool = False
    """Show `y` on a logarithmic axis. What is not positive is drawn at its lower edge."""
    description: str = ""
    """For those who do not see the chart. By default, the report tells where each line starts and ends."""

    @property
    def drawn(self) -> list[Line | Band]:
        """Lines, then bands."""
        return [*self.lines, *self.bands]


class Cell(msgspec.Struct, frozen=True):
    """A short text, such as what a model answered, and where it is not what was expected.

    A character that cannot be shown becomes one that says so: no mark moves.
    """

    text: str
    marks: list[tuple[int, int]] = []
    """From which character up to which (not included) the text differs. An empty range: something is missing there."""

    def __post_init__(self) -> None:
        marks = [(operator.index(start), operator.index(end)) for start, end in self.marks]
        for start, end in marks:
            if not 0 <= start <= end <= len(self.text):
                raise ValueError(
                    f"'{plain(self.text, LABEL)}': a mark must lie inside its text of {len(self.text)} characters, "
                    f"found {start} to {end}"
                )
        text, whole = self.text, len(self.text)
        if plain(text, whole) != text:
            text = "".join(map(_visible, text))
            if plain(text, whole) != text:  # a folder of this machine
                text = plain(text, whole)
                marks = [(0, len(text))] if marks else []
        msgspec.structs.force_setattr(self, "text", text)
        msgspec.structs.force_setattr(self, "marks", _joined(marks))


class Samples(msgspec.Struct, frozen=True, tag=True):
    """Examples side by side: what was asked, what was expected, what a model answered."""

    title: str
    sentence: str
    columns: list[str]
    rows: list[list[Cell]]
    description: str = ""
    """For those who do not see the marks. By default, the report tells how many rows have any."""

    def __post_init__(self) -> None:
        columns = [plain(str(column), LABEL) for column in self.columns]
        if not columns:
            raise ValueError(f"'{self.title}': samples need at least one column")
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(columns):
                raise ValueError(
                    f"'{self.title}': one cell per column, please: {len(columns)} columns, row {number} has {len(row)}"
                )
        msgspec.structs.force_setattr(self, "columns", columns)


Figure = Curve | Matrix | Samples
"""What can be shown."""


def input_gradient(gradient: Sequence[float], setting: str = "") -> Curve:
    """How far back a trained model can learn from: how large the gradient of its answer is with respect to its input.

    Args:
        gradient: the mean size at each step of the input (T,), as `probes.gradient_by_step` finds it.
        setting: what tells several trainings of one exercise apart: "at 50 steps".
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
    """`answer` with marks where it differs from `expected`, position by position, is too long, or ends too early."""
    marks = [(at, at + 1) for at, (is_, wanted) in enumerate(zip(answer, expected, strict=False)) if is_ != wanted]
    if len(answer) > len(expected):
        marks.append((len(expected), len(answer)))
    elif len(answer) < len(expected):
        marks.append((len(answer), len(answer)))
    return Cell(answer, marks)


def _visible(character: str) -> str:
    return character if plain(character) else "\ufffd"


def _joined(marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same marks in order, without two that touch; empty ones only where nothing is marked around them."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted({mark for mark in marks if mark[0] < mark[1]}):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    empty = {at for at, end in marks if at == end and not any(start < at < stop for start, stop in joined)}
    return sorted([*joined, *((at, at) for at in empty)])


def _keep_finite(figure: Line | Band, *names: str) -> None:
    """Make the columns of these names lists of finite floats, row by row."""
    columns = [[float(value) for value in getattr(figure, name)] for name in names]
    lengths = ", ".join(f"{name} has {len(column)}" for name, column in zip(names, columns, strict=True))
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"'{figure.name}': one value per point, please: {lengths}")
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
