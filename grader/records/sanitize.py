"""Text that students control, made fit to be shown: no control characters, no endless lines, one length."""

import re
import sys
import sysconfig
from pathlib import Path

_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")

_OURS = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
_OURS |= {str(Path(__file__).resolve().parents[2]), sys.prefix, sys.base_prefix}
_PLACES = re.compile(
    "(?:"
    + "".join(f"{re.escape(path)}|" for path in sorted(_OURS - {"/", "/usr", "/usr/local"}, key=len, reverse=True))
    + r"/submission|(?:/[^\s/'\"()]{1,255}){0,20}/"
    r"(?:(?:site|dist)-packages|lib(?:64)?/python3\.\d+|grade-\w+/(?:spool/\d+|scratch-\w+|tmp)))(?:/|(?![\w-]))"
)
"""Folders of this machine. An exception that names a file in one is shown with the rest of the path only."""


def plain(text: str, length: int = 1000) -> str:
    """`text` without host paths, control and direction characters (tabs, line ends stay), at most `length` long."""
    is_cut = len(text) > 4 * length
    if is_cut:
        text = _without_unfinished_path(text[: 4 * length])
    text = _PLACES.sub("", _CONTROL.sub("", _ANSI.sub("", text)))
    return text if len(text) <= length and not is_cut else text[: length - 4] + " ..."


def one_line(text: str, length: int = 1000) -> str:
    """The same for a name: no line ends and no tabs either."""
    return " ".join(plain(text, length).split())


def _without_unfinished_path(text: str) -> str:
    """Text that was cut, without a path at its end: the rest of the path may be what shows that it is one of ours."""
    word = max(text.rfind(end) for end in " \t\n'\"()") + 1
    slash = text.find("/", word)
    return text if slash < 0 else text[:slash]
