"""Write `halve(x)`: it returns half of the tensor `x`."""

from pathlib import Path

import torch

from grader import Exercise, expect_close, hookimpl
from grader.plugin import Format, ReportWriter

exercise = Exercise("halving", title="Half as much", statement=__doc__, names=("halve",))


@exercise.check(points=2)
def halves(student):
    """Returns half of its argument."""
    x = torch.rand(3, generator=student.generator)
    expect_close(student.call("halve", x), x / 2, "halve(x)", tolerance=1e-6, hint="Is it x / 2?")


def line(grade, conditions):
    """A report of one line."""
    return f"{grade.points:g} of {grade.max_points:g} points, with the compliments of Acme.\n"


@hookimpl
def grader_exercises():
    """The exercise of this package."""
    return [exercise]


@hookimpl
def grader_reports():
    """The report of this package."""
    return [ReportWriter("acme", line)]


@hookimpl
def grader_formats():
    """Literate Python: text, with code in the lines that begin with `> `."""
    return [Format("literate", (".lpy",), packages=(), converter=Path(__file__).with_name("converter.py"))]
