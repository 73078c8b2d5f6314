from grader.records.seeds import SEEDS, derive, draw


def test_derived_seeds_stay_as_they_are():
    """Gradings of years ago are repeated with them."""
    assert derive(7, "content", bits=53) == 5877251316884400
    assert derive(7, "my_rnn", "load", bits=63) == 6251894260981764820


def test_a_drawn_seed_is_one_that_json_can_tell():
    assert all(0 <= draw() < SEEDS for _ in range(100))
