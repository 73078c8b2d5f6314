"""A recipe is what the contract allows, or is refused in words: the key, the value, and what is allowed."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader.authoring.recipe import BadRecipe, Recipe, read_recipe

DEFAULT = Recipe(lr=1e-2, batch_size=32, steps=1600)

ALLOWED = {
    "optimizer": "one of 'adam', 'adamw', 'sgd', 'rmsprop'",
    "schedule": "one of 'constant', 'cosine', 'step'",
    "lr": "a positive number",
    "weight_decay": "a number of at least 0",
    "momentum": "a number from 0 up to, but not including, 1",
    "clip_norm": "a positive number, or None",
    "batch_size": "a whole number from 1 to 128",
    "steps": "a whole number from 1 to 1600, the budget of the exercise",
}
"""What is said to be allowed, by key."""

GOOD = [
    *[("optimizer", name) for name in ("adam", "adamw", "sgd", "rmsprop")],
    *[("schedule", name) for name in ("constant", "cosine", "step")],
    *[("lr", value) for value in (1e-2, 1, 5e-324, 1e30)],
    *[("weight_decay", value) for value in (0, 0.0, 1e-4, 3)],
    *[("momentum", value) for value in (0, 0.0, 0.9, math.nextafter(1, 0))],
    *[("clip_norm", value) for value in (None, 1, 0.25, 1e9)],
    *[("batch_size", value) for value in (1, 64, 128)],
    *[("steps", value) for value in (1, 1500, 1600)],
]
NO_NUMBERS = (True, False, "1", None, [1], {"a": 1}, math.nan)
BAD = [
    *[("optimizer", value) for value in ("Adam", "adagrad", "", 1, None, ["adam"], {}, True)],
    *[("schedule", value) for value in ("linear", "Cosine", 0, None, [], math.nan)],
    *[("lr", value) for value in (*NO_NUMBERS, 0, 0.0, -1e-3, math.inf, -math.inf)],
    *[("weight_decay", value) for value in (*NO_NUMBERS, -1e-9, math.inf)],
    *[("momentum", value) for value in (*NO_NUMBERS, 1, 1.0, -0.1, math.inf)],
    *[("clip_norm", value) for value in (*NO_NUMBERS, 0, 0.0, -1, math.inf) if value is not None],
    *[("batch_size", value) for value in (*NO_NUMBERS, 0, -1, 129, 32.0, 0.5, math.inf)],
    *[("steps", value) for value in (*NO_NUMBERS, 0, -1, 1601, 100.0, 0.5, math.inf)],
]


def refusal(given) -> str:
    with pytest.raises(BadRecipe) as raised:
        read_recipe(given, DEFAULT)
    return str(raised.value)


@pytest.mark.parametrize("given", [None, {}])
def test_what_is_left_out_is_the_exercises_default(given):
    """Adam, clipping at 1, a constant rate, the full budget."""
    assert read_recipe(given, DEFAULT) == DEFAULT
    shown = {
        name: getattr(DEFAULT, name) for name in ("optimizer", "weight_decay", "momentum", "clip_norm", "schedule")
    }
    assert shown == {
        "optimizer": "adam",
        "weight_decay": 0.0,
        "momentum": 0.0,
        "clip_norm": 1.0,
        "schedule": "constant",
    }


def test_the_recipe_of_the_contract_is_followed():
    given = {"optimizer": "adam", "lr": 1e-2, "clip_norm": 1.0, "batch_size": 64, "steps": 1500, "schedule": "constant"}
    assert read_recipe(given, DEFAULT) == Recipe(lr=1e-2, batch_size=64, steps=1500)


@pytest.mark.parametrize(("key", "value"), GOOD)
def test_what_is_allowed_is_taken(key, value):
    """The one key, and nothing else; a whole number where any number may stand is one."""
    found = read_recipe({key: value}, DEFAULT)
    assert getattr(found, key) == value
    assert {name for name in Recipe.__struct_fields__ if getattr(found, name) != getattr(DEFAULT, name)} <= {key}
    if key in ("lr", "weight_decay", "momentum", "clip_norm") and value is not None:
        assert type(getattr(found, key)) is float


@pytest.mark.parametrize(("key", "value"), BAD)
def test_what_is_impossible_is_refused_with_key_value_and_what_is_allowed(key, value):
    """Also beside keys that are fine."""
    expected = f"`recipe` sets `{key}` to {value!r}; allowed is {ALLOWED[key]}"
    assert refusal({key: value}) == expected
    assert refusal({"optimizer": "sgd", "lr": 0.1, key: value}) == expected


@pytest.mark.parametrize("key", ["learning_rate", "LR", "step", "", "epochs", "__class__", "replace"])
def test_an_unknown_key_is_refused_with_all_that_are_known(key):
    text = refusal({"lr": 0.1, key: 1})
    assert f"`{key}`" in text
    assert [name for name in ALLOWED if f"`{name}`" not in text] == []


@pytest.mark.parametrize("given", [[], [("lr", 0.1)], "lr=0.1", 0, False, 0.1, math.nan, ("lr", 0.1)], ids=repr)
def test_what_is_no_dictionary_is_refused_with_an_example(given):
    text = refusal(given)
    assert repr(given) in text
    assert "dictionary" in text
    assert "{'lr': 0.01}" in text


@pytest.mark.parametrize(("budget", "steps", "fits"), [(1, 1, True), (10, 11, False), (2500, 2500, True)])
def test_the_budget_is_the_exercises(budget, steps, fits):
    default = Recipe(lr=1e-2, batch_size=32, steps=budget)
    if fits:
        assert read_recipe({"steps": steps}, default).steps == steps
        return
    with pytest.raises(BadRecipe, match=f"from 1 to {budget}, the budget"):
        read_recipe({"steps": steps}, default)


def test_what_is_allowed_stands_in_what_a_student_is_shown():
    """However long the value is: a verdict's message ends at some length."""
    for recipe in ({"optimizer": "x" * 20_000}, {"schedule": list(range(9_000))}, {"k" * 20_000: 1}, "x" * 20_000):
        text = refusal(recipe)
        assert len(text) < 1000
        assert "allowed" in text or "dictionary" in text


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
KEYS = st.sampled_from(sorted(ALLOWED))


@given(key=KEYS, value=VALUES | st.sampled_from(["adam", "step", 10**400, -(10**400)]))
@example(key="lr", value=10**400)
def test_any_value_ends_in_a_recipe_or_in_words(key, value):
    """A recipe holds numbers that are numbers, in their bounds; a refusal names the key, the value, what is allowed."""
    try:
        found = read_recipe({key: value}, DEFAULT)
    except BadRecipe as problem:
        text = str(problem)
        assert f"`{key}`" in text
        assert repr(value)[:50] in text
        assert text.endswith(ALLOWED[key])
        return
    assert getattr(found, key) == value
    assert not isinstance(value, bool)
    assert found.optimizer in ("adam", "adamw", "sgd", "rmsprop")
    assert found.schedule in ("constant", "cosine", "step")
    assert 0 < found.lr < math.inf
    assert 0 <= found.weight_decay < math.inf
    assert 0 <= found.momentum < 1
    assert found.clip_norm is None or 0 < found.clip_norm < math.inf
    assert type(found.batch_size) is type(found.steps) is int
    assert 1 <= found.batch_size <= 128
    assert 1 <= found.steps <= 1600


@settings(max_examples=50)
@given(given=VALUES | st.dictionaries(st.text(max_size=5) | KEYS, VALUES))
def test_anything_ends_in_a_recipe_or_in_words(given):
    try:
        assert isinstance(read_recipe(given, DEFAULT), Recipe)
    except BadRecipe as problem:
        assert "`recipe`" in str(problem)
