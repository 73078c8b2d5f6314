"""That a level counts only where every test that was selected ran there."""

import runpy
from pathlib import Path

import pytest

judged = runpy.run_path(str(Path(__file__).parent / "conftest.py"))["judged"]

OUTPUT = """
collected 20 items / 12 deselected / 8 selected

tests/a.py ....                  [ 50%]
tests/b.py ..ss                  [100%]

SKIPPED [2] tests/b.py:30: no control group can be made: read-only
isolation: basic (user) 6 of 8 passed
=========== 6 passed, 2 skipped, 12 deselected in 3.21s ===========
"""
FILES = ["tests/a.py", "tests/b.py"]


def test_a_level_counts_where_all_tests_ran():
    """The control of this file. What cannot be made there may be skipped."""
    assert judged(OUTPUT, FILES, "user") == ("basic", "user", 6, 8)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("no control group can be made", "no namespaces here", "6 of 8 passed, 0 may be skipped"),
        ("12 deselected / 8 selected", "2 deselected / 18 selected", "6 of 18 passed"),
        ("isolation: basic (user) 6 of 8 passed\n", "", "deselected in"),
        ("tests/b.py ..ss", "tests/c.py ..ss", "no test of"),
    ],
    ids=["another reason", "tests that vanished", "no level", "a silent file"],
)
def test_a_level_does_not_count_where_some_did_not(old, new, said):
    assert old in OUTPUT
    with pytest.raises(AssertionError, match=said):
        judged(OUTPUT.replace(old, new), FILES, "user")
