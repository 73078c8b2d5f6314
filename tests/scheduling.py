"""Which tests run in one process, and in what order, where `make test` divides them among several.

The tests of a file stay together (`--dist loadgroup`): they share what the file sets up. But what takes minutes is a
group of its own, and what takes longest comes first: the processes then end at about the same time.
"""

import pytest

ALONE = ("tests/jail/test_levels.py::test_the_jail_holds",)
"""How the names of tests begin that are a group each."""
FIRST = (
    "verified adding_problem",
    "tests/jail/test_levels.py::test_the_jail_holds",
    "verified name_classification",
    "verified date_seq2seq",
    "verified copy_first",
    "tests/exercises/test_solutions.py",
)
"""How the names of groups begin that take longest, as last measured with `benchmarks/tests.py`."""


def group_of(item: pytest.Item) -> str:
    """Whom a test shares a process with: those who wait for one verification, else those of its file."""
    if "verified" in getattr(item, "fixturenames", ()):
        return f"verified {item.callspec.params['exercise']}"  # type: ignore[attr-defined]
    return item.nodeid if item.nodeid.startswith(ALONE) else item.nodeid.partition("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the groups for pytest-xdist, which must see them, and put the long ones first."""
    groups = {item: group_of(item) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    place = {
        group: next((n for n, name in enumerate(FIRST) if group.startswith(name)), len(FIRST))
        for group in groups.values()
    }
    items.sort(key=lambda item: place[groups[item]])
