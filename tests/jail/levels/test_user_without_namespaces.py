"""The tests marked `isolation`, as an ordinary user where no namespace can be made.

A file of its own, so that no process has to run two environments one after the other.
"""

import pytest


@pytest.mark.slow
def test_the_jail_holds(repeat) -> None:
    repeat("user without namespaces", ["--user", "--no-namespaces"])
