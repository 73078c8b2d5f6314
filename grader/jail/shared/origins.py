"""Where the lines of a converted file come from: a record beside it, written by the host and read inside the jail.

Its name begins with a dot: nothing that is called so is taken from a submission.
"""

import bisect
import linecache
import os

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """The file that a module was converted from, and its parts: (first line in the module, what to call the place that
    it comes from, first line there), in order. Without parts, lines are the same in both."""

    file: str
    parts: list[tuple[int, str, int]]

    def place(self, line: int) -> tuple[str, int]:
        """The file and the part of it that a line of the module comes from, as a person says it; its line there."""
        number = bisect.bisect(self.parts, line, key=lambda part: part[0]) - 1
        if number < 0:
            return self.file, line
        first, label, there = self.parts[number]
        return f"{self.file}, {label}", line - first + there


def origin_file(path: str) -> str:
    """Where the origin of the module at `path` is kept."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.origin")


def read_origin(path: str) -> Origin | None:
    """Where the module at `path` comes from; None for one that the student wrote as it is."""
    try:
        with open(origin_file(path), "rb") as file:
            return msgspec.json.decode(file.read(), type=Origin)
    except (OSError, ValueError, msgspec.MsgspecError):  # a frame may claim to be in any file
        return None


def remember_lines(path: str, root: str, origin: Origin) -> None:
    """Let tracebacks and `inspect` find the text of each part under the name that its code has."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    ends = [first for first, _, _ in origin.parts[1:]] + [len(lines) + 1]
    for (first, label, there), end in zip(origin.parts, ends, strict=False):
        text = ["\n"] * (there - 1) + [f"{line}\n" for line in lines[first - 1 : end - 1]]
        name = os.path.join(root, f"{origin.file}, {label}")
        linecache.cache[name] = (sum(map(len, text)), None, text, name)
