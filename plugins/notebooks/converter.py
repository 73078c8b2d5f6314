"""Converts a notebook to Python files. Runs inside a jailed worker, never on the trusted side.

Code cells are converted in order and independently, so that only broken ones are left out. Nothing is executed: magics
and shell lines are removed, saved outputs are ignored. Line numbers within a cell do not change.
"""

import ast
import json
import logging
import re
import warnings
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NBFormatError, ValidationError, reader

CELLS = 5000
CODE_CHARACTERS = 2 << 20
NOTES = 20
AGAIN = "open it in Jupyter and save it again"
UNWRAPPED = {"time", "timeit", "capture"}
WRITING = {"writefile", "file"}
CELL_MAGIC = re.compile(r"%%(\w+)[^\S\n]*(.*)")
TARGET = re.compile(r"(?:\./)?(\w[\w-]{0,98}\.py)")


def convert(path):
    """Convert the notebook at `path`. Raises ValueError with the reason if it cannot be converted.

    Returns `{"files": [(name, text, parts)], "notes": [...]}`; a part is (first line in the text, name of the place in
    the notebook, first line there).
    """
    cells = code_cells(read(path))
    if len(cells) > CELLS:
        raise ValueError(f"it has {len(cells)} cells with code, at most {CELLS} are accepted")
    if sum(len(source) for source in cells if isinstance(source, str)) > CODE_CHARACTERS:
        raise ValueError(f"there are more than {CODE_CHARACTERS >> 20} MiB of code in it; is it source code?")
    own = f"{Path(path).stem}.py"
    pieces: dict = {own: []}
    broken: list = []
    dropped: list = []
    for number, source in enumerate(cells, start=1):
        try:
            if not isinstance(source, str):
                raise ValueError("its source is not text")
            target, first, text = python(source, own, pieces, number, dropped)
            check(text, first)
        except Unreadable as problem:
            broken.append(f"cell {number}, line {problem.line}: {problem}; the cell was left out")
        except ValueError as problem:
            broken.append(f"cell {number}: {problem}; the cell was left out")
        else:
            if text:
                pieces.setdefault(target, []).append((f"cell {number}", first, text))
    files = [joined(name, found, Path(path).name) for name, found in pieces.items() if found]
    return {"files": files, "notes": [*broken, *dropped][:NOTES]}


class Unreadable(Exception):
    """Code that is not valid Python, with the line of the cell."""

    def __init__(self, reason, line):
        super().__init__(reason)
        self.line = line


def read(path):
    """The notebook, upgraded to version 4 of its format. Raises ValueError."""
    warnings.simplefilter("ignore")
    logging.disable()
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not text in UTF-8 (byte {error.start}); {AGAIN}") from None
    if not text.strip():
        raise ValueError("it is empty")
    try:
        return nbformat.convert(reader.reads(text), 4)
    except reader.NotJSONError as error:
        cause = error.__cause__
        where = f"line {cause.lineno}: {cause.msg}" if isinstance(cause, json.JSONDecodeError) else "not JSON"
        raise ValueError(f"it is broken ({where}); {AGAIN}") from None
    except RecursionError:
        raise ValueError(f"it is nested too deeply; {AGAIN}") from None
    except MemoryError:
        raise
    except (NBFormatError, ValidationError) as error:
        raise ValueError(f"it is not a notebook ({str(error)[:200]}); {AGAIN}") from None
    except Exception:  # what nbformat raises for other JSON: AttributeError, KeyError, ...
        raise ValueError(f"it is not a notebook; {AGAIN}") from None


def code_cells(notebook):
    """The sources of the code cells that are not empty, which Jupyter numbers when it runs them all."""
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise ValueError(f"it is not a notebook: it has no list of cells; {AGAIN}")
    found = [cell.get("source") for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    return [source for source in found if not isinstance(source, str) or source.strip()]


def python(source, own, pieces, number, dropped):
    """Convert a cell to Python: the file it belongs to, its first line in the cell, its text."""
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first, lines = cleaned(1, lines)
    while magic := CELL_MAGIC.match(lines[0]):
        name, rest = magic.groups()
        if name in WRITING:
            return written(first, lines[1:], rest.split(), own, pieces, f"cell {number}: `%%{name}`", dropped)
        if name not in UNWRAPPED:
            dropped.append(f"cell {number}: it begins with `%%{name[:40]}` and was left out")
            return own, first, ""
        first, lines = cleaned(first + 1, lines[1:])
    return own, first, without_magics(lines, first, number, dropped)


def cleaned(first, lines):
    """Clean a cell like IPython: without leading empty lines, common indentation and pasted prompts."""
    empty = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    text = [f"{line}\n" for line in lines[empty:]]
    for transform in TransformerManager().cleanup_transforms:
        text = transform(text)  # type: ignore[operator]
    return first + empty, "".join(text).removesuffix("\n").split("\n")


def written(first, lines, arguments, own, pieces, what, dropped):
    """Convert a cell that `%%writefile` would write to a file; a .py file becomes a module."""
    appends = "-a" in arguments or "--append" in arguments
    names = [argument.strip("'\"") for argument in arguments if not argument.startswith("-")]
    found = TARGET.fullmatch(names[0]) if len(names) == 1 else None
    if found is None:
        dropped.append(f"{what} does not write a .py file next to the notebook and was left out")
        return own, first, ""
    target = found[1]
    if target != own and not appends:
        pieces.pop(target, None)
    return target, first + 1, "\n".join(lines)


def without_magics(lines, first, number, dropped):
    """The cell's text without line magics, shell lines and requests for help."""
    magics = Magics()
    text = [f"{line}\n" for line in lines]
    try:
        text = magics.do_token_transforms(text)
    except (SyntaxError, RuntimeError, ValueError, IndexError):
        return "".join(text)  # the error is reported when it is parsed
    for line, statement in magics.assignments:
        dropped.append(f"cell {number}, line {first + line}: `{statement[:80]}` was left out")
    return "".join(text)


class Magics(TransformerManager):
    """IPython's transformations, with magics removed and the number of lines kept."""

    def __init__(self):
        super().__init__()
        self.assignments = []

    def do_one_token_transform(self, lines):
        changed, new = super().do_one_token_transform(lines)
        at = next((number for number, (a, b) in enumerate(zip(lines, new, strict=False)) if a != b), None)
        if not changed or at is None:
            return False, lines
        statement = new[at].lstrip()
        if "get_ipython()" in statement:
            indentation = new[at][: len(new[at]) - len(statement)]
            new[at] = f"{indentation}pass\n" if indentation else "\n"
            if not statement.startswith("get_ipython()"):
                self.assignments.append((at, lines[at].strip()))
        new[at + 1 : at + 1] = ["\n"] * (len(lines) - len(new))
        return True, new


def check(text, first):
    """Raise `Unreadable` if the text is not valid Python after other code."""
    try:
        ast.parse(f"#\n#\n{text}")  # a comment in the first two lines of a file may declare an encoding
    except SyntaxError as error:
        raise Unreadable(error.msg, max((error.lineno or 3) - 3, 0) + first) from None
    except UnicodeEncodeError:
        raise ValueError("it contains an invalid character (a lone surrogate)") from None
    except (RecursionError, MemoryError):
        raise ValueError("something in it is nested too deeply, or there is too much of it") from None


def joined(name, pieces, notebook):
    """Join pieces to one file, with the place that each comes from."""
    lines = ["# The code cells of a notebook, converted.", "#"]
    parts = []
    for label, first, text in pieces:
        parts.append((len(lines) + 1, label, first))
        lines += text.removesuffix("\n").split("\n")
    return name, "\n".join(lines) + "\n", parts
