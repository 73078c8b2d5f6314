"""Sanitize text that students control: no control characters, no host paths, a limited length."""

import re
import sys
import sysconfig
from pathlib import Path

_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")

_INSTALLED = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
_INSTALLED |= {str(Path(__file__).resolve().parents[2]), sys.prefix, sys.base_prefix}
_HOST_PATHS = re.compile(
    "(?:"
    + "".join(f"{re.escape(path)}|" for path in sorted(_INSTALLED - {"/", "/usr", "/usr/local"}, key=len, reverse=True))
    + r"/submission|(?:/[^\s/'\"()]{1,255}){0,20}/"
    r"(?:(?:site|dist)-packages|lib(?:64)?/python3\.\d+|grade-\w+/(?:spool/\d+|scratch-\w+|tmp)))(?:/|(?![\w-]))"
)
"""Folders of the host. They are cut from the front of a path, so that a message names a file without its location."""


def sanitize(text: str, length: int = 1000) -> str:
    """Remove host paths and control and direction characters (tabs and line ends stay); cut to `length` characters."""
    is_cut = len(text) > 4 * length
    if is_cut:
        text = _without_unfinished_path(text[: 4 * length])
    text = _HOST_PATHS.sub("", _CONTROL.sub("", _ANSI.sub("", text)))
    return text if len(text) <= length and not is_cut else text[: length - 4] + " ..."


def one_line(text: str, length: int = 1000) -> str:
    """Sanitize a name: like `sanitize`, without line ends and tabs."""
    return " ".join(sanitize(text, length).split())


def _without_unfinished_path(text: str) -> str:
    """Drop a path that was cut at the end of the text: without its rest, `_HOST_PATHS` might not recognize it."""
    word = max(text.rfind(end) for end in " \t\n'\"()") + 1
    slash = text.find("/", word)
    return text if slash < 0 else text[:slash]
