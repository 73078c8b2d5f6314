"""Where the lines of a converted file come from: a record next to it, written by the host and read inside the jail.

The record's name begins with a dot, so a submission cannot bring its own: such files are ignored.
"""

import bisect
import linecache
import os

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """The file that a module was converted from, and its parts, in order: (first line in the module, label of the part,
    such as "cell 3", first line in that part). Without parts, lines are the same in both."""

    file: str
    parts: list[tuple[int, str, int]]

    def place(self, line: int) -> tuple[str, int]:
        """The origin of a line of the module: "file, part" for display, and the line in that part."""
        number = bisect.bisect(self.parts, line, key=lambda part: part[0]) - 1
        if number < 0:
            return self.file, line
        first, label, there = self.parts[number]
        return f"{self.file}, {label}", line - first + there


def origin_file(path: str) -> str:
    """The path of the record for the module at `path`."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.origin")


def read_origin(path: str) -> Origin | None:
    """The origin of the module at `path`; None for one that was not converted."""
    try:
        with open(origin_file(path), "rb") as file:
            return msgspec.json.decode(file.read(), type=Origin)
    except (OSError, ValueError, msgspec.MsgspecError):  # a frame may claim to be in any file
        return None


def remember_lines(path: str, root: str, origin: Origin) -> None:
    """Let tracebacks and `inspect` find the source of each part under the file name that its code was compiled with."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    ends = [first for first, _, _ in origin.parts[1:]] + [len(lines) + 1]
    for (first, label, there), end in zip(origin.parts, ends, strict=False):
        text = ["\n"] * (there - 1) + [f"{line}\n" for line in lines[first - 1 : end - 1]]
        name = os.path.join(root, f"{origin.file}, {label}")
        linecache.cache[name] = (sum(map(len, text)), None, text, name)
