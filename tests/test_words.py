"""A dozen turns of phrase that read as translated: each has a plain English word, and none comes back."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
READ = ("grader", "plugins", "exercises", "reports", "docs", "solutions/README.md", "tests/tutorial")
READ += (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "DECISIONS.md",
    "benchmarks",
    "Makefile",
    "pyproject.toml",
)

INSTEAD = {
    r"\banew\b": "again, afresh",
    r"(?<!word )\bin words\b": "as text",
    r"\bour fault\b|\bfaults? of ours\b": "an internal error",
    r"\bof (its|their|your) own make\b|\bin several makes\b": "of several kinds",
    r"(?<!there )\b(is|are|was) no (?!longer\b|more\b|less\b|worse\b|better\b|way\b|slower\b|faster\b)": "is not a",
    r"\bhangs? on\b": "depends on",
    r"\bwill not do\b|\bwill do\b": "does not work; works",
    r"\b(came|comes?) (of|to) (it|this|that|them|nothing|lie)\b|\bwhat \w+( \w+)? came to\b": "the result",
    r"\b(is|are|was|were|be|been) told\b|\btells? (of|how|what|whether|which|who|whose|why)\b": "says",
    r"\bl(ies|ay) (in|beside|below|beneath|there|here|at|elsewhere|on|outside|inside|where)\b": "is in",
    r"\bhand-ins?\b": "submission",
    r"\bknowing nothing\b|\bknows nothing\b": "the baseline",
    r"\bspoken for\b": "taken",
    r"\bproves? (itself|themselves)\b": "is verified",
    r"\bwhose it is\b": "the owner",
}
"""What to write instead, by a pattern for the words."""
FIXED = ("is no regular file and was left out", "drawn anew for every run")
"""A note that is part of a submission's content hash, so of its seed; and a fixed sentence of the handouts."""


def files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *READ], cwd=ROOT, capture_output=True, text=True, check=True)
    return [
        ROOT / name
        for name in listed.stdout.split("\0")
        if name.endswith((".py", ".md", ".html", ".txt", ".toml", ".pyi", "Makefile"))
    ]


def found(text: str) -> list[str]:
    """Line by line, what should be said otherwise."""
    lines = enumerate(text.splitlines(), 1)
    return [
        f"{number}: {match[0]!r}: write {better!r}"
        for number, line in lines
        for words, better in INSTEAD.items()
        if (match := re.search(words, line, re.IGNORECASE)) and not any(note in line for note in FIXED)
    ]


@pytest.mark.parametrize(
    "sentence",
    ["It is drawn anew.", "That is no course.", "What a task came to.", "It lies in a folder.", "This is our fault."],
)
def test_they_are_found(sentence: str) -> None:
    assert found(sentence)


@pytest.mark.parametrize(
    "sentence", ["There is no course.", "It is no longer there.", "A number lies between two others.", "He told her."]
)
def test_plain_english_is_not(sentence: str) -> None:
    assert found(sentence) == []


def test_plain_words_are_used() -> None:
    """In code, messages, help and documentation."""
    read = files()
    assert len(read) > 200
    wrong = [f"{file.relative_to(ROOT)}:{line}" for file in read for line in found(file.read_text(encoding="utf-8"))]
    assert wrong == [], "\n".join(wrong)
