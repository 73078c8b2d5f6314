"""What a report can show: numbers and words, not drawing.

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
"""

import math

import msgspec


class Line(msgspec.Struct, frozen=True):
    """What was measured, point by point: `x` in the unit of `x_label`, `y` in that of `y_label`.

    Points that are not finite are left out and counted. The others are kept in the order of `x`.
    """

    name: str
    x: list[float]
    y: list[float]
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
    x: list[float]
    low: list[float]
    high: list[float]
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


Figure = Curve
"""What can be shown; more kinds to come."""


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
