"""How a check fails: an expectation raises `Unmet` with a reason and, if one is known, a hint.

Reasons describe what the student's code returned, in the student's terms, and never reveal held-out answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from grader.records.errors import StudentFault


class Unmet(StudentFault):
    """A promise of the exercise was not kept: the check earns nothing."""

    explains: bool
    """Whether it probably explains why other checks failed."""

    def __init__(self, reason: str, hint: str | None = None, *, explains: bool = False):
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.explains = explains


@dataclass(frozen=True)
class Judged:
    """The result of a check that explains its share in [0, 1]: a reason and a hint."""

    share: float
    reason: str
    hint: str | None = None
    is_certain: bool = False
    """Whether the hint names a measured cause, so that no other hint replaces it."""


class Opaque:
    """A placeholder for an object from the student's code that is not plain data; only its type is known."""

    def __init__(self, type_name: str):
        self.type_name = type_name

    def __repr__(self) -> str:
        return f"<{self.type_name}>"


def expect(condition: bool, reason: str, hint: str | None = None) -> None:
    """Fail the check with `reason` unless `condition` holds."""
    if not condition:
        raise Unmet(reason, hint)


def expect_tuple(value: Any, length: int, name: str, hint: str | None = None) -> tuple[Any, ...]:
    """Return `value` as a tuple if it is a tuple or list of `length` items; fail the check otherwise."""
    if not isinstance(value, tuple | list):
        raise Unmet(f"{name} returned {describe(value)}, expected a tuple of {length}", hint)
    if len(value) != length:
        raise Unmet(f"{name} returned {len(value)} values, expected {length}", hint)
    return tuple(value)


def expect_shape(
    value: Any, shape: Sequence[int], name: str, *, dtype: torch.dtype | None = None, hint: str | None = None
) -> torch.Tensor:
    """Return `value` if it is a finite tensor of exactly `shape` (and `dtype`); fail the check otherwise."""
    if not isinstance(value, torch.Tensor):
        raise Unmet(f"{name} is {describe(value)}, expected a tensor of shape {tuple(shape)}", hint)
    if tuple(value.shape) != tuple(shape):
        raise Unmet(f"{name} has shape {tuple(value.shape)}, expected {tuple(shape)}", hint)
    if dtype is not None and value.dtype != dtype:
        raise Unmet(f"{name} has dtype {value.dtype}, expected {dtype}", hint)
    if value.is_floating_point() and not bool(torch.isfinite(value).all()):
        raise Unmet(f"{name} contains NaN or infinity", hint)
    return value


def expect_close(value: Any, wanted: torch.Tensor, name: str, *, tolerance: float, hint: str | None = None) -> None:
    """Fail the check unless `value` is a finite tensor within `tolerance` of `wanted` everywhere.

    Shapes are compared first: `allclose` would broadcast `()` against `(5,)` and call it equal.
    """
    tensor = expect_shape(value, wanted.shape, name, hint=hint)
    error = largest_error(tensor, wanted)
    if not error <= tolerance:  # this form is False for NaN as well
        raise Unmet(f"{name} differs from the expected values by up to {error:.2g}", hint)


def expect_answer(
    found: Any,
    wanted: torch.Tensor,
    name: str,
    *,
    tolerance: float,
    others: Mapping[str, torch.Tensor] | None = None,
    instead_of: str | None = None,
    hint: str | None = None,
) -> None:
    """Fail the check unless `found` is a finite tensor of the shape and dtype of `wanted`, and near it everywhere.

    Args:
        found: what the student's code returned.
        wanted: the right answer.
        name: what the student calls the answer.
        tolerance: the largest absolute difference allowed.
        others: known wrong answers by description. The first that matches is the reason.
        instead_of: a description of the right answer, for the reason if none of `others` matches. By default, the
            reason says how far off the answer is.
        hint: what to try.
    """
    tensor = expect_shape(found, wanted.shape, name, dtype=wanted.dtype, hint=hint)
    error = largest_error(tensor, wanted)
    if error <= tolerance:
        return
    for description, other in (others or {}).items():
        if other.shape == tensor.shape and largest_error(tensor, other) <= tolerance:
            raise Unmet(f"{name} is {description}", hint)
    if instead_of is not None:
        raise Unmet(f"{name} is not {instead_of}", hint)
    raise Unmet(f"{name} differs from the expected values by up to {error:.2g}", hint)


def largest_error(value: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest absolute difference of two tensors of the same shape; 0.0 for empty ones."""
    if wanted.numel() == 0:
        return 0.0
    return float((value.double() - wanted.double()).abs().max())


def describe(value: Any) -> str:
    """A short description of a value for a reason: its type, and the shape of a tensor."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if value is None:
        return "None"
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
