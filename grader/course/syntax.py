"""Converts Python syntax trees to text that changes only if what the code computes changes.

Positions, comments, docstrings and annotations are left out, and so are texts for students: exception arguments and
hints.
"""

import ast
from collections.abc import Collection, Iterator, Sequence

Skip = Collection[str]
"""Keyword arguments of a call that are left out."""
TEXT_KEYWORDS: Skip = ("hint", "reason")
_IGNORED_FIELDS = {"annotation", "returns", "type_comment", "type_params", "kind", "ctx", "lineno", "end_lineno"}
_CONDITION_ONLY = {"expect"}
"""Functions of which only the first argument counts: the others are texts."""


class Reader:
    """Converts trees to text. Calls of `makers`, whose parameters are `parameters`, lose the arguments in `skipped`."""

    def __init__(self, makers: Collection[str] = (), parameters: Sequence[str] = (), skipped: Skip = ()):
        self._makers, self._parameters, self._skipped = set(makers), parameters, {*skipped}

    def text(self, node: ast.AST) -> str:
        """The text of a definition, statement or module: code with equal texts computes the same."""
        fields = (f"{name}={self._field(value)}" for name, value in self._fields(node) if value not in (None, []))
        return f"{type(node).__name__}({','.join(fields)})"

    def names(self, node: ast.AST) -> list[tuple[str, ...]]:
        """The names that a tree refers to, with the attributes read of them: ("np", "random", "rand")."""
        if isinstance(node, ast.Name):
            return [(node.id,)] if isinstance(node.ctx, ast.Load) else []
        if isinstance(node, ast.Attribute) and (chain := _chain(node)):
            return [chain]
        found = []
        for _, value in self._fields(node):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    found += self.names(part)
        return found

    def _field(self, value: object) -> str:
        if isinstance(value, list):
            return f"[{','.join(map(self._field, value))}]"
        return self.text(value) if isinstance(value, ast.AST) else repr(value)

    def _fields(self, node: ast.AST) -> Iterator[tuple[str, object]]:
        """The fields of a node that affect what it computes."""
        for name, value in ast.iter_fields(node):
            if name in _IGNORED_FIELDS:
                continue
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and name == "body":
                value = [part for part in value if not is_text(part)]
            if isinstance(node, ast.JoinedStr):
                value = _joined(node.values)
            if isinstance(node, ast.Raise):
                value = value.func if isinstance(value, ast.Call) else value
            if isinstance(node, ast.Call) and name == "keywords":
                value = [keyword for keyword in value if keyword.arg not in self._left_out(node)]
            if isinstance(node, ast.Call) and name == "args":
                value = self._positional(node)
            yield name, value

    def _positional(self, call: ast.Call) -> list[ast.expr]:
        if _called(call) in _CONDITION_ONLY:
            return call.args[:1]
        if _called(call) not in self._makers or any(isinstance(part, ast.Starred) for part in call.args):
            return call.args
        return [part for name, part in zip(self._parameters, call.args, strict=False) if name not in self._skipped]

    def _left_out(self, call: ast.Call) -> set[str]:
        return {*TEXT_KEYWORDS, *(self._skipped if _called(call) in self._makers else ())}


def is_text(node: ast.AST) -> bool:
    """Whether a statement is just a string, which does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LOOPS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def locals_of(function: ast.AST) -> set[str]:
    """The parameters and local variables of a function, without those of nested definitions."""
    found: set[str] = set()
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.arg):
            found.add(node.arg)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if not isinstance(node, (*_SCOPES, *_LOOPS)):
            waiting += ast.iter_child_nodes(node)
    return found


def _called(call: ast.Call) -> str:
    """The last part of the called name."""
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _chain(node: ast.Attribute) -> tuple[str, ...]:
    """The names in `a.b.c`; empty if the first part is not a name."""
    names: list[str] = []
    at: ast.expr = node
    while isinstance(at, ast.Attribute):
        names.insert(0, at.attr)
        at = at.value
    return (at.id, *names) if isinstance(at, ast.Name) else ()


def _joined(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string, with adjacent texts joined: Python versions differ in how they split them."""
    found: list[ast.expr] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, ast.Constant) and isinstance(last, ast.Constant):
            found[-1] = ast.Constant(str(last.value) + str(part.value))
        elif not (isinstance(part, ast.Constant) and part.value == ""):
            found.append(part)
    return found
