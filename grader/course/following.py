"""Describes what a function computes as text: its source and everything of the same exercise that it refers to.

Functions, classes, constants, closures, partials and bound methods are followed; of modules that are not the
exercise's, only names are included. If something cannot be followed, its whole file is included, to be on the safe
side. The text contains no file or module names, so that code can be moved."""

import ast
import dataclasses
import functools
import hashlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch

from grader.authoring.exercise import Exercise
from grader.authoring.task import LearningTask
from grader.course.plugins import PREFIX
from grader.course.syntax import Reader, locals_of

_ENGINE_MODULES = ("grader.authoring.data", "grader.authoring.scores")
"""Modules of the grader that make data and scores."""
_COMPLETE_REPR = ("torch", "datetime", "decimal", "fractions")
"""Modules whose objects are fully described by their `repr`."""
_PRIMITIVES = (bool, int, float, complex, str, bytes, type(None), range, slice)

_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class Follower:
    """Collects the text of everything that is reachable from a value.

    Args:
        package: the top-level package of the exercise, if it is not part of a course folder.
        skipped: fields of `LearningTask` to leave out, both in its instances and in calls that create one.
    """

    def __init__(self, package: str, skipped: tuple[str, ...]):
        self._package, self._skipped = package, skipped
        self._units: dict[str, str] = {}
        self._seen: dict[int, tuple[str, Any]] = {}
        self._files: dict[str, ast.Module | None] = {}
        self._definitions: dict[str, list[ast.AST]] = {}

    def text_of(self, value: Any) -> str:
        """The text of the value and of everything reachable from it."""
        root = self._value(value, "")
        return "\n".join([root, *(f"{name}: {text}" for name, text in sorted(self._units.items()))])

    def _value(self, value: Any, file: str) -> str:
        """A value in this file as text; also collects what it refers to."""
        if isinstance(value, _PRIMITIVES):
            return repr(value)
        if id(value) not in self._seen:
            self._seen[id(value)] = (f"{type(value).__name__}, seen before", value)  # for circular references
            self._seen[id(value)] = (self._compound(value, file), value)
        return self._seen[id(value)][0]

    def _compound(self, value: Any, file: str) -> str:
        match value:
            case list() | tuple():
                return f"{type(value).__name__}[{','.join(self._value(part, file) for part in value)}]"
            case set() | frozenset():
                return f"set[{','.join(sorted(self._value(part, file) for part in value))}]"
            case Mapping():
                return f"map[{','.join(f'{self._value(k, file)}:{self._value(v, file)}' for k, v in value.items())}]"
            case FunctionType():
                return self._function(value)
            case MethodType():
                return f"method {self._value(value.__func__, file)} of {self._value(value.__self__, file)}"
            case functools.partial():
                return f"partial {self._value([value.func, value.args, value.keywords], file)}"
            case type():
                return self._class(value)
            case BuiltinFunctionType():
                return value.__name__ + self._bound_to(value.__self__, file)
            case ModuleType():
                return self._module(value)
            case Exercise():
                return "the exercise"  # its options and data are hashed separately
        return self._object(value, file)

    def _bound_to(self, owner: Any, file: str) -> str:
        """The owner of a built-in method: `TABLE.get` depends on what the table contains."""
        is_function = owner is None or isinstance(owner, ModuleType | type)
        return "" if is_function else f" of {self._value(owner, file)}"

    def _module(self, module: ModuleType) -> str:
        """A module object that is used as a value: everything in it."""
        if self._is_followed(module.__name__):
            self._include_file(module.__file__ or "")
            return "module"
        return module.__name__

    def _object(self, value: Any, file: str) -> str:
        """An instance of a class, by its fields, its attributes or its `repr`."""
        kind = type(value)
        if hasattr(value, "__wrapped__"):  # as functools.cache sets it
            return f"{kind.__name__} around {self._value(value.__wrapped__, file)}"
        if isinstance(value, torch.Tensor):
            return _tensor_text(value.detach().cpu())
        if isinstance(value, torch.nn.Module):
            layers = [self._class(type(layer)) for layer in value.modules()]
            return f"{kind.__name__}({self._value([repr(value), layers, value.state_dict()], file)})"
        if isinstance(value, PurePath):
            return _file_text(Path(value))
        if dataclasses.is_dataclass(value):
            fields = {field.name: getattr(value, field.name) for field in self._fields(value)}
            return f"{self._class(kind)}({self._value(fields, file)})"
        if self._is_followed(kind.__module__):
            return f"{self._class(kind)}({self._value(getattr(value, '__dict__', {}), file)})"
        if kind.__module__ not in _COMPLETE_REPR:
            self._include_file(file)
        return kind.__name__ if " at 0x" in repr(value) else repr(value)

    def _fields(self, value: Any) -> list[dataclasses.Field[Any]]:
        """The fields to include: of a task, not those that are skipped or have their default value."""
        fields = list(dataclasses.fields(value))
        if not isinstance(value, LearningTask):
            return fields
        fields = [field for field in fields if field.name not in self._skipped]
        return [f for f in fields if not isinstance(f.default, _PRIMITIVES) or getattr(value, f.name) != f.default]

    def _function(self, function: FunctionType) -> str:
        """A function's name, with the values of its closure and its defaults; also collects its source."""
        code, file = function.__code__, function.__code__.co_filename
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        held = {name: cell.cell_contents for name, cell in cells if not _is_empty(cell)}
        if self._is_followed(function.__module__):
            held |= {"defaults": function.__defaults__ or ()} | (function.__kwdefaults__ or {})
            node = self._find_definition(file, lambda node: _is_function(node, function))
            inside = locals_of(node) if node is not None else set()
            known = {**function.__globals__, **dict.fromkeys({*inside, *code.co_freevars}, None)}
            self._collect(f"function {code.co_name}", node, known, file)
        return f"function {code.co_name}({self._value(held, file)})"

    def _class(self, kind: type) -> str:
        if self._is_followed(kind.__module__):
            module = sys.modules.get(kind.__module__)
            file = getattr(module, "__file__", None) or ""
            wanted = kind.__qualname__.split(".")[-1]
            node = self._find_definition(file, lambda node: isinstance(node, ast.ClassDef) and node.name == wanted)
            self._collect(f"class {wanted}", node, vars(module) if module is not None else {}, file)
        return f"class {kind.__name__}"

    def _collect(self, name: str, node: ast.AST | None, known: Mapping[str, Any], file: str) -> None:
        """Collect the text of a definition, and follow the names in it."""
        if node is None:
            self._include_file(file)
            return
        makers = ["LearningTask", *(name for name, found in known.items() if _makes_tasks(found))]
        reader = Reader(makers, [field.name for field in dataclasses.fields(LearningTask)], self._skipped)
        text = reader.text(node)
        known = {**known, **self._imported(node, known.get("__package__") or "")}
        key = f"{name} {_digest(text.encode())}"
        if key in self._units:
            return
        self._units[key] = text
        for chain in sorted(set(reader.names(node))):
            if known.get(chain[0]) is not None and not chain[0].startswith("__"):  # not a file name
                self._follow_name(chain, known[chain[0]], file)

    def _imported(self, node: ast.AST, package: str) -> dict[str, Any]:
        """The names that a definition imports from its exercise's other files when it runs."""
        found: dict[str, Any] = {}
        for part in ast.walk(node):
            if not isinstance(part, ast.ImportFrom) or (part.level and not package):
                continue
            name = importlib.util.resolve_name("." * part.level + (part.module or ""), package)
            if self._is_followed(name):
                module = importlib.import_module(name)
                for alias in part.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{name}.{alias.name}")
                    found[alias.asname or alias.name] = getattr(module, alias.name)
        return found

    def _follow_name(self, chain: tuple[str, ...], value: Any, file: str) -> None:
        """Follow a global name or a module's attribute. For foreign modules, only the name is included."""
        rest, is_foreign = list(chain[1:]), False
        while isinstance(value, ModuleType) and rest and hasattr(value, rest[0]):
            is_foreign = not (self._is_followed(value.__name__) or value.__name__.startswith("grader."))
            value = getattr(value, rest.pop(0))
        text = "of another module" if is_foreign else self._value(value, file)
        self._units[f"name {'.'.join(chain)} {text}"] = ""

    def _include_file(self, file: str) -> None:
        """Include the whole file of something that cannot be followed."""
        tree = self._tree(file)
        text = Reader().text(tree) if tree is not None else "unknown"
        self._units[f"file {_digest(text.encode())}"] = ""

    def _find_definition(self, file: str, is_wanted: Callable[[ast.AST], bool]) -> ast.AST | None:
        """The only definition in a file that matches; None if there are none or several."""
        self._tree(file)
        found = [node for node in self._definitions.get(file, []) if is_wanted(node)]
        return found[0] if len(found) == 1 else None

    def _tree(self, file: str) -> ast.Module | None:
        if file not in self._files:
            try:
                tree = ast.parse(Path(file).read_text(encoding="utf-8"))
            except (OSError, ValueError, SyntaxError):
                self._files[file] = None
            else:
                self._files[file] = tree
                self._definitions[file] = [node for node in ast.walk(tree) if isinstance(node, _DEFINES)]
        return self._files[file]

    def _is_followed(self, module: str) -> bool:
        """Whether a module belongs to the exercise, or is one of the grader's for data and scores."""
        top = module.partition(".")[0]
        if top == "grader":
            return module.startswith(_ENGINE_MODULES)
        if top.startswith(PREFIX) or top == self._package:
            return True
        file = getattr(sys.modules.get(module), "__file__", None)
        installed = {"site-packages", "dist-packages"}
        return top not in sys.stdlib_module_names and file is not None and not installed & set(Path(file).parts)


def _makes_tasks(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, LearningTask)


def _is_empty(cell: Any) -> bool:
    try:
        return cell.cell_contents is cell
    except ValueError:
        return True


def _tensor_text(tensor: torch.Tensor) -> str:
    """A tensor's shape, dtype and a digest of its values."""
    data = tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return f"tensor({tuple(tensor.shape)},{tensor.dtype},{_digest(data)})"


def _file_text(path: Path) -> str:
    """A path's name, and a digest of the file, wherever it is."""
    return f"file {path.name} {_digest(path.read_bytes()) if path.is_file() else ''}"


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _is_function(node: ast.AST, function: FunctionType) -> bool:
    """Whether a node defines a function: by its name and first line; for a lambda, by line and columns."""
    code = function.__code__
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return node.name == code.co_name and first == code.co_firstlineno
    if isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and node.lineno == code.co_firstlineno:
        body = node.body
        start = (body.lineno, body.col_offset)
        end = (body.end_lineno or 0, body.end_col_offset or 0)
        places = [(line, column) for line, _, column, _ in code.co_positions() if line is not None and column]
        return all(start <= place <= end for place in places if place[1]) and _is_tightest(node, places)
    return False


def _is_tightest(node: ast.Lambda, places: list[tuple[int, int]]) -> bool:
    """Whether no lambda inside this one contains all these positions too."""
    inner = [part.body for part in ast.walk(node.body) if isinstance(part, ast.Lambda)]
    return not any(
        all((b.lineno, b.col_offset) <= place <= (b.end_lineno or 0, b.end_col_offset or 0) for place in places)
        for b in inner
    )
