"""The tests marked `isolation`, as root where no namespace can be made, as in a default container.

A file of its own, so that no process has to run two environments one after the other.
"""

import pytest


@pytest.mark.slow
def test_the_jail_holds(repeat) -> None:
    repeat("root without namespaces", ["--no-namespaces"])
