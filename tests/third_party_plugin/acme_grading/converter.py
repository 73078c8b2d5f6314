"""Literate Python -> Python. Runs in a jailed worker: it may import the standard library alone."""

from pathlib import Path


def convert(path):
    """The lines that begin with `> ` are code; all others become empty ones, so that the numbers of lines stay."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    if not any(line.startswith("> ") for line in lines):
        raise ValueError("no line of it begins with `> `")
    code = [line.removeprefix("> ") if line.startswith("> ") else "" for line in lines]
    return {"files": [(f"{Path(path).stem}.py", "\n".join(code), [])], "notes": []}
