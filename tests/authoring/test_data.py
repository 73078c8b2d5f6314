"""Data of a run: characters come back as they were, no key is in two parts, and pools draw what they hold."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.authoring.data import Parts, Pool, Pools, Tokens


def seeded(seed):
    return torch.Generator().manual_seed(seed)


SEEDS = st.integers(0, 2**32)
ALPHABETS = st.lists(st.characters(exclude_characters="␀^$"), min_size=1, max_size=12, unique=True)
NAMES = st.lists(st.text("abcx", min_size=1, max_size=6), unique=True, min_size=30, max_size=60)


@given(st.data(), SEEDS)
def test_what_is_encoded_comes_back(data, seed):
    alphabet = data.draw(ALPHABETS)
    texts = data.draw(st.lists(st.text(alphabet), max_size=6))
    more = data.draw(st.integers(0, 3))
    tokens = Tokens.drawn(alphabet, seeded(seed), special="␀^$")
    width = max(map(len, texts), default=0) + more
    rows = tokens.encode(texts, width)
    assert (rows.shape, rows.dtype) == ((len(texts), width), torch.int64)
    assert [tokens.decode(row) for row in rows] == texts
    for row, text in zip(rows.tolist(), texts, strict=True):
        assert min(row[: len(text)], default=3) >= 3
        assert row[len(text) :] == [0] * (width - len(text))
        assert max(row, default=0) < len(tokens) == 3 + len(alphabet)


def test_a_row_is_as_wide_as_the_longest_text():
    tokens = Tokens("␀", "ab")
    assert tokens.encode(["ab", "", "b"]).tolist() == [[1, 2], [0, 0], [2, 0]]
    assert tokens.encode([]).shape == (0, 0)


@given(ALPHABETS, SEEDS)
def test_the_same_generator_numbers_alike(alphabet, seed):
    one, same = (Tokens.drawn(alphabet, seeded(seed)) for _ in range(2))
    assert one == same
    assert sorted(one.characters) == sorted(alphabet)


def test_another_generator_numbers_anew():
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    assert len({Tokens.drawn(alphabet, seeded(seed)).characters for seed in range(5)}) == 5


def test_what_is_no_token_is_still_shown():
    assert Tokens("␀^$", "ab").decode(torch.tensor([1, 3, 0, 99, -9, 2, 0, 0])) == "^a␀??$"


def test_special_tokens_can_be_written():
    """As they are shown: a padding in the middle, a start and an end."""
    assert Tokens("␀^$", "ab").encode(["^b␀a$"]).tolist() == [[1, 4, 0, 3, 2]]


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: Tokens("␀^", "a^"), "'^' would have two"),
        (lambda: Tokens("", "ab"), "must be a special character"),
        (lambda: Tokens("␀", "ab").encode(["abc"]), "no token for 'c'"),
        (lambda: Tokens("␀", "ab").encode(["ab\N{GRINNING FACE}"]), "no token for"),
        (lambda: Tokens("␀", "ab").encode(["abab"], 3), "4 characters, more than 3"),
        (lambda: Parts.drawn("abab", seeded(0), probe=1, held_out=1, showcase=1), "twice"),
        (lambda: Parts.drawn("abc", seeded(0), probe=1, held_out=1, showcase=1), "none is left"),
        (lambda: Parts.by_key("abc", str, seeded(0), probe=1, held_out=1, showcase=1), "none is left"),
        (lambda: Parts.by_key("abc", str, seeded(0), probe=1, held_out=9, showcase=1), "only 1 are left"),
    ],
)
def test_what_cannot_be_is_refused_in_words(attempt, words):
    with pytest.raises(ValueError) as refused:
        attempt()
    assert words in str(refused.value)


def in_turn(parts):
    return [parts.training, parts.probe, parts.held_out, parts.showcase]


@given(st.integers(10, 60), SEEDS)
def test_no_item_is_in_two_parts(count, seed):
    parts = Parts.drawn(range(count), seeded(seed), probe=2, held_out=4, showcase=3)
    assert [len(part) for part in in_turn(parts)] == [count - 9, 2, 4, 3]
    assert sorted(itertools.chain(*in_turn(parts))) == list(range(count))
    assert parts == Parts.drawn(range(count), seeded(seed), probe=2, held_out=4, showcase=3)


def test_parts_are_drawn_anew():
    held_out = [Parts.drawn(range(99), seeded(seed), probe=9, held_out=30, showcase=9).held_out for seed in range(2)]
    assert held_out[0] != held_out[1]


def family(name):
    return name.rstrip("x")


@given(NAMES, SEEDS)
def test_no_key_is_in_two_parts(names, seed):
    names = [name for name in names if family(name)]
    count = len({family(name) for name in names}) // 6
    parts = Parts.by_key(names, family, seeded(seed), probe=count, held_out=2 * count, showcase=count)
    keys = [{family(name) for name in part} for part in in_turn(parts)]
    assert sum(map(len, keys)) == len(set().union(*keys))
    assert [len(part) for part in in_turn(parts)[1:]] == [count, 2 * count, count]
    assert set(itertools.chain(*in_turn(parts))) <= set(names)


@given(NAMES, SEEDS, SEEDS)
def test_what_is_shown_is_never_judged_in_another_run(names, seed, other):
    sizes = {"probe": 3, "held_out": 5, "showcase": 4}
    one, two = (Parts.by_key(names, str, seeded(s), **sizes) for s in (seed, other))
    assert one.showcase == two.showcase
    assert not set(one.showcase) & {*two.held_out, *two.probe, *two.training}


def test_classes_are_joined_in_order():
    classes = [Parts.by_key(letters, str, seeded(0), probe=1, held_out=1, showcase=1) for letters in ("abcdef", "uvwx")]
    joined = Parts.joined(classes)
    assert [len(part) for part in in_turn(joined)] == [4, 2, 2, 2]
    assert joined.training == classes[0].training + classes[1].training
    assert joined.held_out == classes[0].held_out + classes[1].held_out


NUMBERS = torch.arange(100)
POOL = Pool((NUMBERS, NUMBERS.double()[:, None]), 7 * NUMBERS)


def test_inputs_and_targets_are_drawn_together():
    (one, other), targets = POOL.draw(1000, seeded(0))
    assert (one.shape, other.shape, targets.shape) == ((1000,), (1000, 1), (1000,))
    assert torch.equal(7 * one, targets)
    assert torch.equal(other[:, 0].long(), one)
    assert len(one.unique()) > 90
    assert torch.equal(POOL.draw(1000, seeded(0))[1], targets)


def test_the_first_are_handed_out_as_copies():
    (one, _), targets = POOL.first(3)
    assert (one.tolist(), targets.tolist()) == ([0, 1, 2], [0, 7, 14])
    one.zero_()
    assert NUMBERS[:3].tolist() == [0, 1, 2]
    assert len(POOL.first(1000)[1]) == len(POOL) == 100


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), SEEDS)
def test_rare_classes_are_drawn_as_often_as_others(classes, seed):
    """Whatever order the examples stand in, and whichever numbers the classes have."""
    targets = torch.tensor(classes)
    (rows,), drawn = Pool((torch.arange(len(classes)),), targets).draw_balanced(2000, seeded(seed))
    assert torch.equal(targets[rows], drawn)
    kinds, counts = drawn.unique(return_counts=True)
    assert kinds.tolist() == sorted(set(classes))
    assert counts.min() > 0.7 * 2000 / len(kinds)


def test_pools_have_what_a_task_asks_for():
    parts = Parts.drawn(range(50), seeded(0), probe=5, held_out=7, showcase=3)

    def asked(items):
        return Pool((torch.tensor(items),), torch.tensor(items) % 2)

    def taught(items):
        return Pool((torch.tensor(items), torch.tensor(items)), torch.tensor(items) % 2)

    pools = Pools.of(parts, asked, taught=taught)
    told = pools.arguments
    assert (told["probe"], told["held_out"]) == (5, 7)
    inputs, _ = told["draw"](400, seeded(1))
    assert len(inputs) == 2
    assert set(inputs[0].tolist()) == set(parts.training)
    assert told["draw_probe"](5, seeded(1))[0][0].tolist() == parts.probe
    assert told["draw_held_out"](7, seeded(1))[0][0].tolist() == parts.held_out
    assert pools.shown()[0][0].tolist() == parts.showcase


def test_balanced_pools_draw_lessons_by_class():
    parts = Parts([0] * 95 + [1] * 5, [0], [0], [0])
    make = lambda items: Pool((torch.tensor(items),), torch.tensor(items))  # noqa: E731
    for balanced, low, high in ((True, 0.4, 0.6), (False, 0.0, 0.1)):
        _, classes = Pools.of(parts, make, balanced=balanced).lessons(2000, seeded(0))
        assert low < float(classes.double().mean()) < high
