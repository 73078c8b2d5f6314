"""Nobody forgets the mark `isolation`: a file of the jail or of attacks that has none says why."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
MARK = "mark.isolation"
SAME_AT_EVERY_LEVEL = {
    "jail/test_training.py": "the training loop runs in the test's own process",
    "jail/test_wire.py": "frames are encoded and decoded in the test's own process",
    "attacks/test_mutations.py": "the parsers of frames, archives and sources know no level",
    "attacks/test_soak.py": "its attempts are rows of `exhaust` and `reach`, which are repeated one by one",
    "attacks/test_sources.py": "Python's own parser and compiler decide",
    "attacks/test_texts.py": "what is shown of a text is decided by the host",
    "attacks/test_text_names.py": "what is shown of a name is decided by the host",
}
"""Files whose tests are not repeated, each with the reason."""


def files() -> dict[str, str]:
    found = [file for folder in ("jail", "attacks") for file in sorted((TESTS / folder).glob("test_*.py"))]
    return {str(file.relative_to(TESTS)): file.read_text(encoding="utf-8") for file in found}


@pytest.mark.parametrize(("name", "text"), files().items(), ids=files())
def test_a_file_is_repeated_or_says_why_not(name: str, text: str) -> None:
    assert (MARK in text) != (name in SAME_AT_EVERY_LEVEL), (
        f"{name}: mark tests `isolation` whose outcome a level of isolation may change, or give a reason here"
    )


def test_every_reason_is_for_a_file() -> None:
    assert set(SAME_AT_EVERY_LEVEL) <= set(files())
