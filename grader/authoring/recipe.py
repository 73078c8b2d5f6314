"""The training recipe that a student may set, validated as the contract says."""

import math
import sys
from typing import Any, Literal

import msgspec

from grader.records.errors import StudentFault
from grader.records.sanitize import sanitize

OptimizerName = Literal["adam", "adamw", "sgd", "rmsprop"]
Schedule = Literal["constant", "cosine", "step"]

OPTIMIZERS: tuple[OptimizerName, ...] = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES: tuple[Schedule, ...] = ("constant", "cosine", "step")
MAX_BATCH_SIZE = 128
_SHOWN = 200


class Recipe(msgspec.Struct, frozen=True):
    """The hyperparameters of a training. `steps` also sets the length of the schedule."""

    lr: float
    batch_size: int
    steps: int
    optimizer: OptimizerName = "adam"
    weight_decay: float = 0.0
    momentum: float = 0.0
    clip_norm: float | None = 1.0
    schedule: Schedule = "constant"


class BadRecipe(StudentFault):
    """A recipe with an unknown key or an invalid value; the message names the key, the value and what is allowed."""


def read_recipe(given: Any, default: Recipe) -> Recipe:
    """The student's recipe over the exercise's defaults, whose `steps` are the budget. Raises `BadRecipe`."""
    if given is None:
        return default
    if not isinstance(given, dict):
        raise BadRecipe(f"`recipe` is {_shown(repr(given))}; it must be a dictionary such as {{'lr': {default.lr:g}}}")
    chosen = {}
    for key, value in given.items():
        if key not in Recipe.__struct_fields__:
            allowed = ", ".join(f"`{name}`" for name in Recipe.__struct_fields__)
            raise BadRecipe(f"`recipe` has a key `{_shown(str(key))}`; allowed are {allowed}")
        _require_allowed(key, value, default.steps)
        chosen[key] = float(value) if isinstance(getattr(default, key), float) and value is not None else value
    return msgspec.structs.replace(default, **chosen)


def _require_allowed(key: str, value: Any, budget: int) -> None:
    """Raise `BadRecipe` if the value is not allowed for its key."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    number = value if is_number and abs(value) <= sys.float_info.max else math.nan
    whole = number if isinstance(number, int) else 0
    match key:
        case "optimizer":
            is_allowed, allowed = value in OPTIMIZERS, f"one of {_listed(OPTIMIZERS)}"
        case "schedule":
            is_allowed, allowed = value in SCHEDULES, f"one of {_listed(SCHEDULES)}"
        case "lr":
            is_allowed, allowed = 0 < number < math.inf, "a positive number"
        case "weight_decay":
            is_allowed, allowed = 0 <= number < math.inf, "a number of at least 0"
        case "momentum":
            is_allowed, allowed = 0 <= number < 1, "a number from 0 up to, but not including, 1"
        case "clip_norm":
            is_allowed, allowed = value is None or 0 < number < math.inf, "a positive number, or None"
        case "batch_size":
            is_allowed, allowed = 1 <= whole <= MAX_BATCH_SIZE, f"a whole number from 1 to {MAX_BATCH_SIZE}"
        case _:
            is_allowed = 1 <= whole <= budget
            allowed = f"a whole number from 1 to {budget}, the budget of the exercise"
    if not is_allowed:
        raise BadRecipe(f"`recipe` sets `{key}` to {_shown(repr(value))}; allowed is {allowed}")


def _shown(text: str) -> str:
    """The value that was found, shortened so that what is allowed is still read after it."""
    text = sanitize(text)  # before cutting: a cut host path would no longer be recognized
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in names)
