"""Where nobody else may read what the grader makes (umask 077): as root, whose workers have another user id, and as an
ordinary user without namespaces, whose workers have the same one. Only tests that stage, unpack, load, convert, train
and report: elsewhere files are opened by the tests themselves.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
FILES = (
    "intake/test_archives.py",
    "intake/test_bad_input.py",
    "intake/test_downloads.py",
    "intake/test_notebooks.py",
    "jail/test_inheritance.py",
    "jail/test_loading.py",
    "learning/test_learning.py",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ("root with umask 077", ["--umask", "077"]),
        ("user without namespaces with umask 077", ["--user", "--no-namespaces", "--umask", "077"]),
    ],
)
def test_the_jail_holds(repeat, environment, options) -> None:
    repeat(environment, options, [TESTS / file for file in FILES])
