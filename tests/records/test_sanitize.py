"""Text that students control, before it is shown."""

import json
import sysconfig
import time
import unicodedata
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.records.sanitize import sanitize

ROOT = Path(__file__).resolve().parents[2]
ANY = st.text(st.characters(), max_size=300) | st.lists(
    st.sampled_from(
        ["\x1b[31m", "\x1b]0;t\x07", "\x9b", "\x00", "\u202e", "\ud800", "a", "\n", "\t", "/submission/", "é"]
    )
).map("".join)
quick = settings(max_examples=200, deadline=None, derandomize=True)


@quick
@given(ANY, st.integers(10, 200))
def test_nothing_is_left_that_a_terminal_obeys(text, length):
    """No control characters but tabs and line ends, no turned writing, valid UTF-8, never longer than asked."""
    shown = sanitize(text, length)
    assert len(shown) <= length
    shown.encode()
    kinds = {unicodedata.category(character) for character in set(shown) - {"\n", "\t"}}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(shown) & set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@quick
@given(st.text("abcdefg äöü中🦄<>&'\"{}[]()\n\t0123456789.,:;_-", max_size=200))
def test_ordinary_text_stays_as_it_is(text):
    assert sanitize(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("one\rtwo\x08\x7f", "onetwo"),
        ("abc\u202efdp.exe", "abcfdp.exe"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("a\ud800b", "ab"),
    ],
)
def test_sequences_go_as_a_whole(text, shown):
    """Markup stays: to escape it is the page's business."""
    assert sanitize(text) == shown


def test_long_text_is_cut_and_says_so():
    assert sanitize("a" * 11, 10) == "aaaaaa ..."
    assert sanitize("a" * 10, 10) == "a" * 10
    assert len(sanitize("a" * 10_000_000)) == 1000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            f"cannot import name 'x' from 'torch' ({torch.__file__})",
            "cannot import name 'x' from 'torch' (torch/__init__.py)",
        ),
        (f"in {json.__file__}: no", "in json/__init__.py: no"),
        (f'File "{ROOT}/grader/records/sanitize.py"', 'File "grader/records/sanitize.py"'),
        ("'/submission/data.csv'", "'data.csv'"),
        ("[Errno 2]: '/tmp/grade-a1_b2/spool/000001/data.csv'", "[Errno 2]: 'data.csv'"),
        ("/home/ada/.venv/lib/python3.12/site-packages/numpy/x.py", "numpy/x.py"),
        ("/usr/lib/python3/dist-packages/torch/x.py", "torch/x.py"),
    ],
)
def test_paths_of_this_machine_are_cut_short(text, shown):
    assert sanitize(text) == shown


def test_no_path_of_the_interpreter_survives():
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        assert sanitize(f"see {sysconfig.get_path(name)}/module.py") == "see module.py"


@pytest.mark.parametrize("text", ["/a" * 2000, "/" * 4000, "/grade-" * 600, "/" + "a" * 4000, "\x1b]" * 2000])
def test_no_text_makes_the_patterns_search_for_long(text):
    started = time.process_time()
    sanitize(text)
    assert time.process_time() - started < 0.2
