"""Inside the jail: read a submission's source without running it.

It finds files, the names that statements bind and the lines that mention a name, and describes errors.
"""

import __future__

import ast
import functools
import linecache
import operator
import os
from collections.abc import Iterator
from typing import Literal

from grader.jail.shared.ignored import IGNORED
from grader.jail.shared.wire import clean, type_name

SOURCE_BYTES = 2 << 20
SOURCES = 200

Defines = Literal["definition", "assignment", "nothing"]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_BRANCHES = (ast.If, ast.Try, ast.TryStar, ast.With, ast.Match)


def parse(path: str) -> ast.Module:
    """The syntax tree of a source file; raises SyntaxError, ValueError (null bytes, too large) or OSError."""
    with open(path, "rb") as file:
        source = file.read(SOURCE_BYTES + 1)
    if len(source) > SOURCE_BYTES:
        raise ValueError(f"the file is larger than {SOURCE_BYTES >> 20} MiB; is it source code?")
    return ast.parse(source, path)


def sources(root: str) -> Iterator[str]:
    """The Python files of a submission, shallow ones first, at most `SOURCES`."""
    level, count = [root], 0
    while level:
        deeper: list[str] = []
        for folder in level:
            for entry in visible(folder):
                if entry.is_dir(follow_symlinks=False):
                    deeper.append(entry.path)
                elif entry.name.endswith(".py") and entry.is_file(follow_symlinks=False):
                    count += 1
                    if count > SOURCES:
                        return
                    yield entry.path
        level = deeper


def visible(folder: str) -> list[os.DirEntry[str]]:
    """The entries of a folder that count as part of the submission, sorted by name. Raises OSError."""
    with os.scandir(folder) as entries:
        found = [e for e in entries if e.name not in IGNORED and not e.name.startswith(".")]
    return sorted(found, key=lambda entry: entry.name)


def bound_names(statements: list[ast.stmt]) -> set[str]:
    """The names that statements bind at the top level, in branches and loops too."""
    names: set[str] = set()
    waiting = list(statements)  # no recursion: a chain of `elif` nests deeper than Python's stack
    while waiting:
        statement = waiting.pop()
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
            case ast.Assign(targets=targets):
                names |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case _:
                for part in ("body", "orelse", "finalbody", "handlers"):
                    waiting += getattr(statement, part, [])
    return names


def find_line(path: str, name: str, identifiers: set[str]) -> tuple[int, str] | None:
    """The first line of class `name` that mentions one of the identifiers, and its text."""
    try:
        tree = parse(path)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OSError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            lines = [
                part.lineno
                for part in ast.walk(node)
                if (isinstance(part, ast.Attribute) and part.attr in identifiers)
                or (isinstance(part, ast.Name) and part.id in identifiers)
            ]
            if lines:
                return min(lines), clean(linecache.getline(path, min(lines)).strip(), 200)
    return None


def describe_syntax(file: str, error: BaseException) -> str:
    """A syntax error with its line and a caret below the position."""
    if not isinstance(error, SyntaxError):
        reason = message_of(error) or "something in it is nested too deeply, or there is too much of it"
        return clean(f"{file} cannot be read as Python: {reason}", 1000)
    if not error.lineno:  # an error of the whole file: it is not UTF-8
        return clean(f"{file} cannot be read as Python: {error.msg}; save it as plain text in UTF-8", 1000)
    head = f"{file}, line {error.lineno}: {error.msg}"
    if not error.text:
        return clean(head, 1000)
    line = error.text.rstrip("\n")
    shown = line.lstrip()
    caret = " " * max(0, (error.offset or 1) - 1 - (len(line) - len(shown)))
    return clean(f"{head}\n    {shown}\n    {caret}^", 1000) if len(shown) < 300 else clean(head, 1000)


def one_line(error: BaseException) -> str:
    """An exception as `Type: message`; its `__str__` may fail."""
    return clean(f"{type_name(error)}: {message_of(error)}".replace("\n", " "), 500)


def message_of(error: BaseException) -> str:
    """The message of an exception; its `__str__` may fail."""
    try:
        return str(error)
    except BaseException:
        return "(its message cannot be shown)"


def definition_kind(statement: ast.stmt) -> Defines:
    """What a statement defines: functions, classes and imports, variables, or nothing."""
    if isinstance(statement, _DEFINITIONS):
        return "definition"
    # `try: import ...` and the like count as assignments; a loop is a script, though its variables remain
    assigns = isinstance(statement, _ASSIGNMENTS) or (isinstance(statement, _BRANCHES) and bound_names([statement]))
    return "assignment" if assigns else "nothing"


def first_line(statement: ast.stmt) -> int:
    """The first line of a statement, including its decorators."""
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


def future_flags(statement: ast.stmt) -> int:
    """The compiler flags that a `from __future__ import ...` sets for the statements after it."""
    if not isinstance(statement, ast.ImportFrom) or statement.module != "__future__":
        return 0
    features = [getattr(__future__, alias.name, None) for alias in statement.names]
    flags = [feature.compiler_flag for feature in features if isinstance(feature, __future__._Feature)]
    return functools.reduce(operator.or_, flags, 0)
