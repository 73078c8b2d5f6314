"""Which tests run in one process, and in what order, where `make test` divides them among several.

The tests of a file stay together: they share fixtures. The verification of each exercise is its own group. The longest
groups come first, so that the processes end at about the same time.
"""

import re

import pytest

VERIFYING = re.compile(
    r"tests/exercises/test_solutions\.py::test_(?:verify_passes|pages_of_all_solutions_are_readable)\[(\w+)\]$"
)
"""Tests that wait for the verification of one exercise."""
FIRST = (
    "verified adding_problem",
    "tests/jail/levels/",
    "verified name_classification",
    "verified date_seq2seq",
    "verified copy_first",
    "tests/exercises/test_solutions.py",
)
"""How the names of groups begin that take longest, as last measured with `benchmarks/tests.py`."""


def group_of(nodeid: str) -> str:
    """Whom a test shares a process with: those who wait for one verification, else those of its file."""
    if found := VERIFYING.match(nodeid):
        return f"verified {found[1]}"
    return nodeid.partition("::")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first. Raises `UsageError` for a test that would have an exercise verified once more."""
    for item in items:
        if "verified" in getattr(item, "fixturenames", ()) and not VERIFYING.match(item.nodeid):
            raise pytest.UsageError(f"{item.nodeid} uses `verified`, and VERIFYING in tests/scheduling.py lacks it")

    def place(item: pytest.Item) -> int:
        group = group_of(item.nodeid)
        return next((number for number, name in enumerate(FIRST) if group.startswith(name)), len(FIRST))

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Hand out whole groups, in order. Marks of pytest-xdist's own, for `--dist loadgroup`, are lost on pytest 9."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)
