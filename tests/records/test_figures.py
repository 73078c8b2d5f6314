"""What a report can show: columns of floats, whatever was given, nothing that is not finite, and clean words."""

import collections
import itertools
import math
import subprocess
import sys

import msgspec
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from grader.records.figures import (
    LABEL,
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
from grader.records.sanitize import sanitize


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
        (lambda: Line("a", [1, 2], [1]), "'a': expected one value per point: x has 2, y has 1"),
        (lambda: Band("b", [1], [1], [1, 2]), "x has 1, low has 1, high has 2"),
        (lambda: Band("b", [7], [2], [1]), "band 'b': low is above high at x = 7: 2 > 1"),
        (lambda: Level("l", math.nan), "'l': y must be finite, found nan"),
        (lambda: Mark("m", -math.inf), "'m': x must be finite, found -inf"),
        (lambda: Matrix("m", "", [], []), "'m': a matrix needs at least one label"),
        (lambda: Matrix("m", "", ["a", "b"], [[1, 2]]), "'m': expected one row per label: 2 labels, 1 rows"),
        (
            lambda: Matrix("m", "", ["a", "b"], [[1, 2], [3]]),
            "'m': expected one column per label: 2 labels, row 'b' has 1",
        ),
        (lambda: Matrix("m", "", ["a"], [[-1]]), "'m': counts must not be negative, found -1"),
        (lambda: Matrix("m", "", ["a"], [[0.5]]), "'m': counts must be whole numbers, found 0.5"),
        (lambda: Cell("ab", [(1, 3)]), "'ab': a mark must be inside its text of 2 characters, found 1 to 3"),
        (lambda: Cell("ab", [(-1, 1)]), "found -1 to 1"),
        (lambda: Cell("ab", [(2, 1)]), "found 2 to 1"),
        (lambda: Samples("s", "", [], []), "'s': samples need at least one column"),
        (
            lambda: Samples("s", "", ["a"], [[Cell("")], [Cell(""), Cell("")]]),
            "'s': expected one cell per column: 1 columns, row 2 has 2",
        ),
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


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(st.integers(0), min_size=n, max_size=n), min_size=n, max_size=n)
    )
)
def test_a_matrix_keeps_its_counts(counts):
    """And survives JSON. Tensors are welcome."""
    matrix = Matrix("t", "s", [f"class {number}" for number in range(len(counts))], counts)
    assert matrix.counts == counts
    assert msgspec.json.decode(msgspec.json.encode(matrix), type=Figure) == matrix
    assert Matrix("t", "s", ["a", "b"], torch.tensor([[1, 2], [3, 4]])).counts == [[1, 2], [3, 4]]


@given(st.text("ab 1-"), st.text("ab 1-"))
def test_what_differs_is_marked(answer, expected):
    """Position by position; what is too long; and an empty mark where more was expected."""
    cell = differing(answer, expected)
    marked = {at for start, end in cell.marks for at in range(start, end)}
    assert cell.text == answer
    assert marked == {at for at, found in enumerate(answer) if at >= len(expected) or found != expected[at]}
    assert ((len(answer), len(answer)) in cell.marks) == (len(answer) < len(expected))
    assert (cell.marks == []) == (answer == expected)


@pytest.mark.parametrize(
    ("answer", "expected", "marks"),
    [
        ("2024-03-07", "2024-03-07", []),
        ("2024-04-17", "2024-03-07", [(6, 7), (8, 9)]),
        ("2024-3-7", "2024-03-07", [(5, 8), (8, 8)]),
        ("2024-03-071", "2024-03-07", [(10, 11)]),
        ("", "2024-03-07", [(0, 0)]),
    ],
)
def test_marks_of_dates(answer, expected, marks):
    """As a teacher would set them."""
    assert differing(answer, expected).marks == marks


@given(st.data())
def test_marks_are_put_in_order(data):
    """The same characters are marked, by ranges that neither touch nor hold an empty one."""
    text = data.draw(st.text("ab", max_size=12))
    place = st.integers(0, len(text))
    given_ = data.draw(st.lists(st.tuples(place, place).map(lambda pair: tuple(sorted(pair))), max_size=6))
    marks = Cell(text, given_).marks
    assert {at for mark in marks for at in range(*mark)} == {at for mark in given_ for at in range(*mark)}
    wide = [mark for mark in marks if mark[0] < mark[1]]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(wide))
    assert marks == sorted(set(marks))
    assert {mark for mark in marks if mark not in wide} <= set(given_)
    assert msgspec.json.decode(msgspec.json.encode(Cell(text, marks)), type=Cell) == Cell(text, marks)


@given(st.text())
@example("a\x1b[31mb\x00c\u202ed")
def test_text_of_students_is_cleaned(text):
    """Every character keeps its place, so that no mark moves; labels have one length at most."""
    cell = Cell(text, [(0, len(text))])
    assert sanitize(cell.text, len(text)) == cell.text
    assert len(cell.text) == len(text)
    assert cell == Cell(cell.text, cell.marks)
    figures = Matrix("t", "s", [text], [[1]]).labels + Samples("t", "s", [text], []).columns
    assert figures == [sanitize(text, LABEL)] * 2


def test_a_folder_of_this_machine_is_not_shown():
    """Nor where a model has learned to write one."""
    assert Cell("in /submission/my_rnn.py", [(3, 8)]) == Cell("in my_rnn.py", [(0, 12)])


def test_figures_need_no_library_of_numbers():
    """They are data."""
    program = "import sys, grader.records.figures; print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_how_far_back_a_gradient_reaches_is_a_curve_with_a_sentence():
    curve = input_gradient([0.001, 0.01, 0.1], "at 3 steps")
    assert curve.title == "Gradient of the answer with respect to each input at 3 steps"
    assert curve.sentence == (
        "The gradient of the trained model's answer is 0.1 with respect to the last step of its input and 0.001 with "
        "respect to the first: on its way back it shrinks by a factor of 1e+02."
    )
    assert (curve.lines[0].x, curve.lines[0].y, curve.log_y) == ([0, 1, 2], [0.001, 0.01, 0.1], True)
    for kept in ([0.1, 0.1], [0.0, 0.1], [0.2, 0.1]):
        assert "shrinks" not in input_gradient(kept).sentence


def matrix_of(pairs, labels=("Irish", "Zulu", "Dutch")):
    targets, found = zip(*pairs, strict=True)
    return Matrix.of(targets, found, labels, title="Confusion", things="names", row_label="list")


CONFUSED = [(0, 0)] * 8 + [(0, 1)] * 3 + [(1, 1)] * 2 + [(1, 0)] * 4 + [(2, 2)] * 9 + [(2, 0)]


def test_a_confusion_matrix_is_counted_and_said_in_words():
    matrix = matrix_of(CONFUSED)
    assert matrix.counts == [[8, 3, 0], [4, 2, 0], [1, 0, 9]]
    assert matrix.labels == ["Irish", "Zulu", "Dutch"]
    assert matrix.sentence == (
        "Of 27 names kept for this report, 19 are right. It confuses Irish and Zulu most: 3 names of the Irish list "
        "are labelled Zulu, and 4 the other way round. It does worst on the Zulu list: 2 of 6 are right."
    )
    assert matrix.in_words == "19 of 27 are on the diagonal. The most frequent mistake: Zulu taken for Irish, 4 times."
    assert Matrix("t", "s", ["a"], [[1]], description="mine").in_words == "mine"


def test_what_is_all_right_has_no_mistakes_to_tell():
    matrix = matrix_of([(0, 0), (1, 1)])
    assert matrix.sentence == "Of 2 names kept for this report, 2 are right."
    assert matrix.in_words == "2 of 2 are on the diagonal."


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1))
def test_a_confusion_matrix_holds_each_answer_once(pairs):
    counts = matrix_of(pairs).counts
    assert {(row, column): counts[row][column] for row in range(3) for column in range(3) if counts[row][column]} == (
        collections.Counter(pairs)
    )


@pytest.mark.parametrize("pairs", [[(0, 3)], [(-1, 0)]])
def test_a_class_without_a_label_is_refused(pairs):
    with pytest.raises(ValueError, match="classes are 0 to 2"):
        matrix_of(pairs)
