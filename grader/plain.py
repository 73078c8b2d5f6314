"""Text that students control, made fit to be shown: no control characters, no endless lines, one length."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def plain(text: str, length: int = 1000) -> str:
    """`text` without control and direction characters (tabs and line ends stay), at most `length` long."""
    if len(text) > 4 * length:
        text = text[: 4 * length]
    text = _CONTROL.sub("", _ANSI.sub("", text))
    return text if len(text) <= length else text[: length - 4] + " ..."
