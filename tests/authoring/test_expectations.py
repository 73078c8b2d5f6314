"""How a check says no: NaN never passes, shapes are compared before values, reasons speak of what was returned."""

import math

import pytest
import torch

from grader import (
    Opaque,
    Unmet,
    describe,
    expect,
    expect_answer,
    expect_close,
    expect_shape,
    expect_tuple,
    largest_error,
)

ONES = torch.ones(2, 3)


def refusal(function, *arguments, **options) -> Unmet:
    with pytest.raises(Unmet) as raised:
        function(*arguments, **options)
    return raised.value


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_one_number_that_is_not_finite_fails(bad, dtype):
    value = ONES.to(dtype, copy=True)
    value[1, 2] = bad
    assert "NaN or infinity" in refusal(expect_shape, value, (2, 3), "outputs").reason
    assert "NaN or infinity" in refusal(expect_close, value, ONES, "outputs", tolerance=math.inf).reason
    assert "NaN or infinity" in refusal(expect_close, value, value, "outputs", tolerance=math.inf).reason


def test_an_expected_nan_passes_nobody():
    """Our own mistake must not turn into points."""
    wanted = torch.full((2, 3), math.nan)
    assert "differs" in refusal(expect_close, ONES, wanted, "outputs", tolerance=1e9).reason


@pytest.mark.parametrize("shape", [(), (1,), (3,), (3, 2), (1, 2, 3), (6,), (2, 3, 1)])
def test_shapes_are_never_broadcast(shape):
    reason = refusal(expect_close, torch.ones(shape), ONES, "outputs", tolerance=1).reason
    assert reason == f"outputs has shape {tuple(shape)}, expected (2, 3)"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        ([1.0], "a list"),
        (3, "an int"),
        ("no", "a str"),
        (Opaque("numpy.ndarray"), "an object of type numpy.ndarray"),
    ],
    ids=str,
)
def test_what_is_no_tensor_is_called_by_its_name(value, words):
    assert refusal(expect_shape, value, (2, 3), "outputs").reason == (
        f"outputs is {words}, expected a tensor of shape (2, 3)"
    )
    assert describe(value) == words


def test_expect_shape_gives_the_tensor_back():
    assert expect_shape(ONES, [2, 3], "outputs", dtype=torch.float32) is ONES
    assert expect_shape(torch.ones(0, 4), (0, 4), "outputs").shape == (0, 4)
    assert expect_shape(torch.ones(2, dtype=torch.int64), (2,), "tokens").dtype == torch.int64


def test_expect_shape_compares_dtypes_where_asked():
    unmet = refusal(expect_shape, ONES, (2, 3), "outputs", dtype=torch.float64, hint="Use x's.")
    assert (unmet.reason, unmet.hint) == ("outputs has dtype torch.float32, expected torch.float64", "Use x's.")


@pytest.mark.parametrize("value", [None, torch.ones(2), 3, "ab", {"a": 1, "b": 2}, Opaque("generator")], ids=str)
def test_expect_tuple_takes_tuples_and_lists_alone(value):
    """A tensor of two rows, a string of two letters and a dict of two keys unpack as well, and are not meant."""
    assert "expected a tuple of 2" in refusal(expect_tuple, value, 2, "forward").reason
    assert expect_tuple([1, 2], 2, "forward") == (1, 2)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_expect_tuple_counts(count):
    assert f"returned {count} values, expected 2" in refusal(expect_tuple, (1,) * count, 2, "forward").reason


def test_expect_close_keeps_its_tolerance():
    expect_close(ONES + 1e-6, ONES, "outputs", tolerance=1e-5)
    expect_close(torch.ones(0), torch.ones(0), "outputs", tolerance=0)
    assert "by up to 0.5" in refusal(expect_close, ONES + 0.5, ONES, "outputs", tolerance=0.1).reason


def test_largest_error_is_computed_in_double():
    """Half precision would overflow, and unsigned numbers would wrap."""
    assert largest_error(torch.tensor([6e4]).half(), torch.tensor([-6e4]).half()) > 1e5
    assert largest_error(torch.tensor([0], dtype=torch.uint8), torch.tensor([1], dtype=torch.uint8)) == 1


def test_expect_takes_its_condition_at_its_word():
    expect(True, "never said")
    assert refusal(expect, False, "why", "how").hint == "how"


SUMS = torch.tensor([1.0, 2.0, 3.0])
OTHERS = {
    "half of it": SUMS / 2,
    "one more": SUMS + 1,
    "one more, too": SUMS + 1,
    "of another shape": torch.tensor([9.0]),
}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (SUMS / 2 + 5e-5, "y is half of it"),
        (SUMS + 1, "y is one more"),
        (0 * SUMS + 9, "y is not the sum"),
        (SUMS + 7, "y is not the sum"),
        (SUMS[:, None], "y has shape (3, 1), expected (3,)"),
        (SUMS.double(), "y has dtype torch.float64, expected torch.float32"),
        (SUMS.long(), "y has dtype torch.int64, expected torch.float32"),
        (SUMS * math.nan, "y contains NaN or infinity"),
        (None, "y is None, expected a tensor of shape (3,)"),
    ],
)
def test_a_wrong_answer_is_named_by_the_first_that_it_fits(found, reason):
    unmet = refusal(
        expect_answer, found, SUMS, "y", tolerance=1e-4, others=OTHERS, instead_of="the sum", hint="Add them."
    )
    assert (unmet.reason, unmet.hint) == (reason, "Add them.")


def test_a_right_answer_is_right_but_for_rounding_whatever_the_wrong_ones_are():
    expect_answer(SUMS + 5e-5, SUMS, "y", tolerance=1e-4, others={"the same": SUMS})
    unmet = refusal(expect_answer, SUMS + 0.25, SUMS, "y", tolerance=1e-4)
    assert unmet.reason == "y differs from the expected values by up to 0.25"
    assert "differs" in refusal(expect_answer, SUMS, SUMS * math.nan, "y", tolerance=1e9).reason
