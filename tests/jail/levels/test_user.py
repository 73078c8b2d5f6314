"""The tests marked `isolation`, as an ordinary user.

A file of its own, so that no process has to run two environments one after the other.
"""

import pytest


@pytest.mark.slow
def test_the_jail_holds(repeat) -> None:
    repeat("user", ["--user"])
