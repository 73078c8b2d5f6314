"""Inside the jail: find a submission's module, run its top-level statements one by one, keep what they define.

A statement that raises is recorded, and the next one runs; what that costs is decided outside.
"""

import ast
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable
from types import ModuleType

from grader.jail.inside.source import (
    Defines,
    bound_names,
    definition_kind,
    describe_syntax,
    first_line,
    future_flags,
    one_line,
    parse,
    sources,
    visible,
)
from grader.jail.shared.messages import Failure, Loaded, Named, Place
from grader.jail.shared.origins import Origin, read_origin, remember_lines
from grader.jail.shared.wire import clean

_OTHERS = 200

Announce = Callable[[Place, Defines], None]


class Loader:
    """Loads one module of the submission under `root`, and its neighbours, without the statements in `skip`.

    Of the statements that define nothing, only the first `scripts` run, if that is given.
    """

    def __init__(self, root: str, skip: set[Place], announce: Announce, scripts: int | None = None):
        self.root = root
        self.skip = skip
        self.scripts = scripts
        self.announce = announce
        self.failures: list[Failure] = []
        self.notes: list[str] = []
        self.module: ModuleType | None = None
        self._origins: dict[str, Origin | None] = {}

    def load(self, module: str, names: list[str]) -> Loaded:
        """Find the module and run it; the answer lists what was found and what failed."""
        path, others, error = self._find(module, names)
        if path is None:
            return Loaded(None, [], others[:_OTHERS], [], self.notes, error)
        sys.meta_path.insert(0, SubmissionFinder(self, [os.path.dirname(path), self.root]))
        try:
            tree = parse(path)
        except (SyntaxError, ValueError, MemoryError, RecursionError, OSError) as problem:
            return Loaded(self.relative(path), [], [], [], self.notes, describe_syntax(self.relative(path), problem))
        self.module = ModuleType(module)
        self.module.__file__ = path
        sys.modules[module] = self.module
        self.run(tree, self.module, path)
        public = [
            Named(clean(name, 100), self.relative(path))
            for name, value in list(vars(self.module).items())
            if isinstance(name, str) and not name.startswith("_") and _is_from(module, value)
        ]
        found = [name for name in names if name in vars(self.module)]
        return Loaded(self.relative(path), found, public[:_OTHERS], self.failures, self.notes, None)

    def run(self, tree: ast.Module, module: ModuleType, path: str) -> None:
        """Execute the statements of a module in order, each on its own."""
        module.__doc__ = ast.get_docstring(tree, clean=False)
        flags = 0
        origin = self._origin(path)
        if origin is not None:
            remember_lines(path, self.root, origin)
        for statement in tree.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # a docstring or another constant: nothing to run
            flags |= future_flags(statement)
            place, compiled_as = self.place(path, first_line(statement)), path
            if origin is not None:  # compiled under the notebook cell's name and line, so that tracebacks show those
                compiled_as = os.path.join(self.root, place.file)
                ast.increment_lineno(statement, place.line - first_line(statement))
            defines = definition_kind(statement)
            if place in self.skip or (defines == "nothing" and self.scripts == 0):
                names = sorted(bound_names([statement]))
                self.failures.append(Failure(place, names, "the time for statements that define nothing was spent"))
                continue
            if defines == "nothing" and self.scripts is not None:
                self.scripts -= 1
            self.announce(place, defines)
            try:
                code = compile(ast.Module([statement], []), compiled_as, "exec", flags=flags, dont_inherit=True)
                exec(code, module.__dict__)
            except BaseException as error:  # SystemExit and KeyboardInterrupt too: a script may end itself
                names = sorted(bound_names([statement]))
                self.failures.append(Failure(place, [clean(n, 100) for n in names], one_line(error)))

    def relative(self, path: str) -> str:
        """The path of a file as the student knows it: for a converted file, that of its original."""
        origin = self._origin(path)
        return clean(origin.file if origin is not None else os.path.relpath(path, self.root), 300)

    def place(self, path: str, line: int) -> Place:
        """A line of a module as the student knows it."""
        origin = self._origin(path)
        file, line = (self.relative(path), line) if origin is None else origin.place(line)
        return Place(clean(file, 300), line)

    def _origin(self, path: str) -> Origin | None:
        if path not in self._origins:
            self._origins[path] = read_origin(path)
        return self._origins[path]

    def _find(self, module: str, names: list[str]) -> tuple[str | None, list[Named], str | None]:
        """The module's file; without one, what other files define, and a syntax error that may explain why."""
        top = os.path.join(self.root, f"{module}.py")
        if os.path.isfile(top):
            return top, [], None
        folders = [entry.path for entry in visible(self.root) if entry.is_dir(follow_symlinks=False)]
        if len(folders) == 1 and os.path.isfile(os.path.join(folders[0], f"{module}.py")):
            return os.path.join(folders[0], f"{module}.py"), [], None
        return self._search(names)

    def _search(self, names: list[str]) -> tuple[str | None, list[Named], str | None]:
        """The shallowest file that defines all the names, else the one that defines most of them."""
        candidates: list[tuple[int, int, str]] = []  # names missing, depth, path
        others: list[Named] = []
        error = None
        for path in sources(self.root):
            try:
                bound = bound_names(parse(path).body)
            except (SyntaxError, ValueError, MemoryError, RecursionError, OSError) as problem:
                error = error or describe_syntax(self.relative(path), problem)
                continue
            missing = sum(name not in bound for name in names)
            if missing < len(names):
                candidates.append((missing, path.count(os.sep), path))
            others += [Named(clean(name, 100), self.relative(path)) for name in sorted(bound)]
        if not candidates:
            return None, others, error
        candidates.sort()
        missing, _, path = candidates[0]
        rivals = [p for m, _, p in candidates[1:] if m == missing]
        if rivals:
            listed = ", ".join(f"`{self.relative(p)}`" for p in rivals[:3])
            self.notes.append(f"several files define these names; `{self.relative(path)}` was graded, not {listed}")
        return path, [], None


class SubmissionFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the neighbours of a submission's module. Their statements run one by one as well."""

    def __init__(self, loader: Loader, folders: list[str]):
        self.loader = loader
        self.folders = list(dict.fromkeys(folders))

    def find_spec(self, name, path=None, target=None):
        """A spec for `name`, if it is a file of the submission and no installed module has that name."""
        if "." not in name and (
            name in sys.stdlib_module_names - {"test", "this"} or name in AllowedPathFinder.importable
        ):
            return None
        inside = self.loader.root + os.sep
        folders = self.folders if "." not in name else [f for f in path or () if f"{f}/".startswith(inside)]
        for folder in folders:
            base = os.path.join(folder, name.rpartition(".")[2])
            for file, package in ((os.path.join(base, "__init__.py"), True), (f"{base}.py", False)):
                if os.path.isfile(file):
                    spec = importlib.machinery.ModuleSpec(name, self, origin=file, is_package=package)
                    spec.has_location = True
                    if package:
                        spec.submodule_search_locations = [base]
                    return spec
        places = [os.path.join(folder, name.rpartition(".")[2]) for folder in folders]
        if places := [place for place in places if os.path.isdir(place)]:  # a package without `__init__.py`
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = places
            return spec
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module: ModuleType) -> None:
        path = str(module.__file__)
        self.loader.run(parse(path), module, path)


class AllowedPathFinder(importlib.machinery.PathFinder):
    """Replaces Python's path finder, and does not find the installed packages that a worker may not read.

    Otherwise, importing such a package would raise a permission error that shows its path.
    """

    importable: frozenset[str] = frozenset()

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        top = name.partition(".")[0]
        known = top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        if known or top in cls.importable or top in sys.modules:
            return super().find_spec(name, path, target)
        return None

    @classmethod
    def install(cls, importable: list[str]) -> None:
        """Replace the path finder by this one, which finds the standard library and these packages."""
        cls.importable = frozenset(importable)
        sys.meta_path = [cls if finder is importlib.machinery.PathFinder else finder for finder in sys.meta_path]


def _is_from(module: str, value: object) -> bool:
    """Whether a value was defined in the module; reading a student's attribute may run code and raise anything."""
    try:
        return bool(getattr(value, "__module__", None) == module)
    except BaseException:
        return False
