"""Figures that a check can add to the report: `student.show(figures.Curve(...))`."""

from grader.records.figures import (
    Band,
    Cell,
    Curve,
    Figure,
    Level,
    Line,
    Mark,
    Matrix,
    Samples,
    differing,
    input_gradient,
)

__all__ = [
    "Band",
    "Cell",
    "Curve",
    "Figure",
    "Level",
    "Line",
    "Mark",
    "Matrix",
    "Samples",
    "differing",
    "input_gradient",
]
