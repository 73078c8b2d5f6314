"""What a report can show: columns of floats, whatever was given, and nothing that is not finite."""

import math
import subprocess
import sys

import msgspec
import pytest
import torch

from grader.figures import Band, Curve, Figure, Level, Line, Mark


def test_columns_become_lists_of_floats():
    """Tensors, ranges and numpy's numbers are welcome."""
    line = Line("your model", range(3), torch.tensor([0.5, 0.25, 0.125]))
    assert (line.x, line.y, line.dropped) == ([0.0, 1.0, 2.0], [0.5, 0.25, 0.125], 0)
    assert {type(value) for value in line.x + line.y} == {float}


def test_points_that_are_not_finite_are_dropped_and_counted():
    """In any column of a point."""
    line = Line("a", [0, 1, math.nan, 3], [1, math.inf, 2, -1])
    assert (line.x, line.y, line.dropped) == ([0, 3], [1, -1], 2)
    band = Band("b", [0, 1], [0, -math.inf], [1, 2])
    assert (band.x, band.low, band.high, band.dropped) == ([0], [0], [1], 1)
    assert Line("c", [1], [math.nan]).dropped == 1


def test_points_are_kept_in_order():
    """By x, as they are drawn; points at one x as they were given."""
    assert Line("a", [2, 1, 1], [5, 4, 3]).y == [4, 3, 5]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Line("a", [1, 2], [1]), "'a': one value per point, please: x has 2, y has 1"),
        (lambda: Band("b", [1], [1], [1, 2]), "x has 1, low has 1, high has 2"),
        (lambda: Band("b", [7], [2], [1]), "band 'b': low is above high at x = 7: 2 > 1"),
        (lambda: Level("l", math.nan), "'l': y must be finite, found nan"),
        (lambda: Mark("m", -math.inf), "'m': x must be finite, found -inf"),
    ],
)
def test_what_makes_no_sense_is_refused(make, reason):
    """In a line that names the figure and what is wrong."""
    with pytest.raises(ValueError, match=reason):
        make()


def test_figures_survive_json():
    """With their kind, and the count of what was dropped."""
    lines, bands = [Line("a", [0, 1], [1, math.nan])], [Band("b", [0], [0], [1])]
    curve = Curve("t", "s", "x", "y", lines, bands, [Level("l", 1)], [Mark("m", 2)], log_y=True, description="d")
    text = msgspec.json.encode(curve)
    assert b'"type":"Curve"' in text
    assert msgspec.json.decode(text, type=Figure) == curve
    assert msgspec.json.decode(text, type=Figure).lines[0].dropped == 1


def test_figures_need_neither_torch_nor_matplotlib():
    """They are data."""
    program = "import sys, grader.figures; print({'torch', 'numpy', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
