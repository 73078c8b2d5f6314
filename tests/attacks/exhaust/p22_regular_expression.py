"""P22: tries a regular expression that takes for ever, and holds the interpreter's lock meanwhile."""

import re


def quick():
    return 7


def attack():
    return [] if re.fullmatch(r"(a+)+b", "a" * 60) else ["in time"]
