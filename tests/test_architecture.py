"""The rules of the house, read from the syntax trees: who imports whom, what a worker loads, what hooks must have."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import grader
from grader.course import hookspecs
from grader.jail.view import worker_view

ROOT = Path(__file__).parents[1]

RULES = {
    "records": "",
    "jail.shared": "",
    "jail.inside": "jail.shared",
    "jail": "records jail.shared",
    "authoring": "records",
    "course": "records authoring",
    "intake": "records jail jail.shared course",
    "grading": "records jail jail.shared authoring course intake",
    "probes": "records authoring grading",
    "learning": "records authoring grading probes",
    "batch": "records jail jail.shared course intake grading",
    "watch": "records jail jail.shared authoring course intake grading",
    "verify": "records authoring course grading learning",
    "cli": "records jail jail.shared authoring course intake grading probes learning batch watch verify",
    "pytest_plugin": "records jail jail.shared authoring course intake grading probes learning batch watch verify",
    "__main__": "cli",
    "figures": "records",
    "scores": "authoring",
    "data": "authoring",
    "plugin": "records authoring course batch",
    "testing": "records course grading",
}
"""Who may import whom, beside itself: one package below another, in one direction. Nobody imports `jail.inside`."""
THIRD_PARTY_INSIDE = {"torch", "numpy", "msgspec", "safetensors"}


def imports_of(path: Path) -> set[str]:
    """The modules a file imports, anywhere in it, with the names taken from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def engine_files() -> list[Path]:
    return sorted((ROOT / "grader").rglob("*.py"))


def module_of(path: Path) -> str:
    """`jail.shared.wire` for its file; a package's own name for its `__init__.py`."""
    parts = path.relative_to(ROOT / "grader").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module: str) -> str:
    """The package that a module of the engine is in: the longest of those with a rule."""
    return max((name for name in RULES if f"{module}.".startswith(f"{name}.")), key=len, default="")


MODULES = {module_of(path): path for path in engine_files()}


def ours_in(path: Path) -> set[str]:
    """The modules of the engine that a file imports."""
    names = {name.removeprefix("grader.") for name in imports_of(path) if name.startswith("grader.")}
    return {name for name in names if name in MODULES}


@pytest.mark.parametrize("module", [module for module in MODULES if module])
def test_imports_say_in_full_what_they_import(module):
    """No dots, no star, no face and no name put together: else no table could hold them."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module != "grader" and node.names[0].name != "*", ast.unparse(node)
        elif isinstance(node, ast.Import):
            assert "grader" not in {alias.name for alias in node.names}, ast.unparse(node)
        elif isinstance(node, ast.Attribute) and node.attr in ("import_module", "__import__"):
            by_name = {
                "cli.main": "a command",
                "course.following": "what an exercise's function imports once it runs",
                "jail.inside.zygote": "what the host asks for",
            }
            assert module in by_name


def broken_rules(module: str, imported: set[str]) -> list[str]:
    """The imports of a module that no rule allows."""
    own = package_of(module)
    allowed = {own, *RULES.get(own, "").split()}
    return [name for name in sorted(imported) if package_of(name) not in allowed]


@pytest.mark.parametrize("module", [module for module in MODULES if package_of(module)])
def test_packages_import_those_below_them(module):
    assert not broken_rules(module, ours_in(MODULES[module]))


def test_a_line_that_breaks_a_rule_is_seen(tmp_path):
    """As somebody would write it: at the top, in a function, for a type checker alone."""
    for line, module, broken in (
        ("from grader.grading.session import Session", "course.loading", "grading.session"),
        ("def f():\n    from grader.jail.inside import worker", "jail.host", "jail.inside.worker"),
        ("if TYPE_CHECKING:\n    import grader.batch.run", "grading.grading", "batch.run"),
    ):
        (tmp_path / "file.py").write_text(f"from typing import TYPE_CHECKING\n{line}\n")
        assert broken in broken_rules(module, ours_in(tmp_path / "file.py"))


def test_every_module_is_in_a_package():
    assert {module for module in MODULES if not package_of(module)} == {""}


def test_no_package_is_imported_in_a_circle():
    """Neither modules of one package, nor packages among themselves: not even for types."""
    graph = {module: ours_in(path) - {module} for module, path in MODULES.items()}
    assert not circle_in(graph)
    rooms = {name: set(below.split()) for name, below in RULES.items()}
    assert not circle_in(rooms)


def test_a_circle_is_seen():
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """The nodes that are left once no other can be taken away from the end of a chain, or its beginning."""
    left = {node: set(targets) for node, targets in graph.items()}
    while True:
        reached = {target for targets in left.values() for target in targets}
        leaves = [node for node, targets in left.items() if not targets & left.keys() or node not in reached]
        if not leaves:
            return sorted(left)
        for node in leaves:
            del left[node]


@pytest.mark.parametrize(
    "module", [module for module in MODULES if package_of(module) in ("jail.shared", "jail.inside")]
)
def test_rooms_that_a_worker_sees_import_nothing_else(module):
    for name in imports_of(MODULES[module]):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names | THIRD_PARTY_INSIDE | {"grader", "__future__"}, name


def test_a_worker_may_open_two_folders_of_ours_and_nothing_else():
    ours = {path for path in worker_view().readable if path.startswith(str(ROOT)) and "/.venv/" not in path}
    assert ours == {
        f"{ROOT}/grader/{name}" for name in ("__init__.py", "jail/__init__.py", "jail/shared", "jail/inside")
    }


def test_submissions_are_staged_in_one_place():
    """So that every command takes the same formats, caps and notes."""
    importing = {module for module, path in MODULES.items() if "intake.staging" in ours_in(path)}
    calling = {module for module in importing if "stage(" in MODULES[module].read_text()}
    assert calling == {"grading.session"}


FILE_LINES, BODY_LINES = 300, 40
LONGER = {
    "jail.shared.messages": "one schema",
    "jail.inside.serving.Server._answer": "one `match` over the requests",
}
"""What is longer than the house likes, with the reason; `DECISIONS.md` has each of them."""


def bodies_of(path: Path, module: str) -> Iterator[tuple[str, int]]:
    """Each function of a file, by its qualified name, with the lines of its body without the docstring."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}.{child.name}"
                if not isinstance(child, ast.ClassDef):
                    body = child.body[1:] if ast.get_docstring(child, clean=False) else child.body
                    yield name, (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            yield from walk(child, name)

    yield from walk(ast.parse(path.read_text()), module)


def test_files_and_functions_are_small():
    """A file of at most 300 lines, a function of at most 40, or a sentence about it in `DECISIONS.md`."""
    others = [path for folder in ("plugins", "exercises") for path in (ROOT / folder).rglob("*.py")]
    files = MODULES | {str(path.relative_to(ROOT)): path for path in others}
    long = {name for name, path in files.items() if len(path.read_text().splitlines()) > FILE_LINES}
    long |= {
        function for name, path in files.items() for function, lines in bodies_of(path, name) if lines > BODY_LINES
    }
    assert long == set(LONGER)
    decisions = (ROOT / "DECISIONS.md").read_text()
    for name in LONGER:
        assert f"`{name}`" in decisions, name


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@pytest.mark.parametrize("path", engine_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_string_in_a_function_poses_as_documentation(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = [part for part in ast.walk(node) if is_text(part)]
            assert [part for part in inside if part not in node.body[:1]] == []


FOREIGN = {"_exit": "os", "_Feature": "__future__", "_processes": "slot"}
"""Names that begin with a bar and are public all the same, or have no public one, and of what."""


def private_reads(scope: ast.AST) -> Iterator[str]:
    """Where a class, or what is outside of classes, reads `other._x`, with an x that is not its own."""

    def within(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.ClassDef):
                yield child
                yield from within(child)

    attributes = [node for node in within(scope) if isinstance(node, ast.Attribute)]
    annotated = [node.target for node in within(scope) if isinstance(node, ast.AnnAssign)]
    own = {target.id for target in annotated if isinstance(target, ast.Name)}
    own |= {node.name for node in within(scope) if isinstance(node, ast.FunctionDef)}
    own |= {node.attr for node in attributes if ast.unparse(node.value) in ("self", "cls")}
    for node in attributes:
        of, name = ast.unparse(node.value), node.attr
        is_private = name.startswith("_") and not name.startswith("__")
        if is_private and of not in ("self", "cls") and name not in own and of != FOREIGN.get(name):
            yield ast.unparse(node)


@pytest.mark.parametrize("path", engine_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_reads_the_privates_of_another_object(path):
    """`self._x` and `cls._x` are one's own; `other._x` is read in the class that has it alone."""
    tree = ast.parse(path.read_text())
    scopes = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    assert [read for scope in scopes for read in private_reads(scope)] == []


def test_a_private_that_is_read_is_seen():
    source = "class A:\n    def f(self, b):\n        return b._x\nclass B:\n    def g(self):\n        self._x = 1\n"
    (first, second) = (node for node in ast.parse(source).body)
    assert [*private_reads(first)] == ["b._x"] and [*private_reads(second)] == []


CONTROL = {
    "watch.changes.Saved",
    "grading.load.Retry",
    "pytest_plugin.practice.NotPassed",
    "pytest_plugin.proof.NotVerified",
    "pytest_plugin.proof.LacksSomething",
}
"""What only moves control about, or is pytest's to show."""


def errors_of_ours() -> dict[str, type[BaseException]]:
    """Every exception that the trusted side defines, by module and name."""
    for module in MODULES:
        if module not in ("", "__main__") and package_of(module) not in ("jail.shared", "jail.inside"):
            importlib.import_module(f"grader.{module}")
    found: dict[str, type[BaseException]] = {}
    waiting: list[type[BaseException]] = [BaseException]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            top, _, module = kind.__module__.partition(".")
            if top == "grader" and not module.startswith(("jail.shared", "jail.inside")):
                found[f"{module}.{kind.__name__}"] = kind
    return found


def drawn() -> dict[str, str]:
    """The tree of errors as it is drawn: each with its parent."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in MODULES["records.errors"].read_text().split('"""')[1].splitlines():
        if match := re.match(r"( {4,})([A-Z]\w+)(  |$)", line):
            above = [(indent, name) for indent, name in above if indent < len(match[1])]
            found[match[2]] = above[-1][1] if above else ""
            above.append((len(match[1]), match[2]))
    return found


def test_every_error_descends_from_one_root():
    """And is drawn below its parent. What runs in the jail imports nothing of ours: its errors are apart."""
    from grader.records.errors import GraderError

    errors = errors_of_ours()
    strays = {name for name, kind in errors.items() if not issubclass(kind, GraderError)}
    assert strays == CONTROL
    parents = {kind.__name__: kind.__bases__[0].__name__ for name, kind in errors.items() if name not in CONTROL}
    assert drawn() == {**parents, "GraderError": ""}


def course_files() -> list[Path]:
    folders = ("exercises", "plugins")
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py") if file.name != "starter.py")


FACE = {"grader", "grader.data", "grader.figures", "grader.plugin", "grader.probes", "grader.scores"}


@pytest.mark.parametrize("path", course_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_exercises_and_plugins_import_the_face_only(path):
    """By its namespaces, and in them only names that they list."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not [alias.name for alias in node.names if alias.name.split(".")[0] == "grader"]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "grader" and node.level == 0:
            assert node.module in FACE
            assert {alias.name for alias in node.names} <= set(importlib.import_module(node.module).__all__)


def test_students_code_imports_torch_numpy_and_the_standard_library():
    files = [*(ROOT / "solutions").rglob("*.py"), *ROOT.glob("exercises/*/starter.py")]
    assert files
    for path in files:
        for name in imports_of(path):
            assert name.split(".")[0] in sys.stdlib_module_names | {"torch", "numpy"}, f"{path}: {name}"


def test_nobody_imports_content_by_name():
    for path in [*engine_files(), *course_files()]:
        tops = {name.split(".")[0] for name in imports_of(path)}
        assert not tops & {"exercises", "plugins", "solutions", "reports"}, path


@pytest.mark.parametrize("name", [*sorted(FACE), "grader.testing"])
def test_every_name_of_the_face_is_there(name):
    module = importlib.import_module(name)
    assert all(getattr(module, entry) is not None for entry in module.__all__)


def test_the_face_is_small_and_its_stub_says_the_same():
    stub = ast.parse((ROOT / "grader" / "__init__.pyi").read_text())
    imported = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    (listed,) = (node.value for node in stub.body if isinstance(node, ast.Assign))
    assert set(ast.literal_eval(listed)) == imported == set(grader.__all__)
    assert len(imported) <= 25
    assert set(grader.__all__) <= set(dir(grader))


def test_the_face_is_lazy():
    """A worker imports it, and may open nothing that it names."""
    code = "import grader, sys; sys.exit('torch' in sys.modules or 'click' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


TYPED = """
import grader
from grader.plugin import Layout
reveal_type(grader.Exercise)
reveal_type(grader.learn)
reveal_type(grader.figures.Curve)
reveal_type(Layout)
grader.Exercise(1, 2, 3, nonsense=4)
"""


@pytest.mark.slow
def test_the_face_has_types(tmp_path):
    """As somebody sees it who installed the package: `py.typed` is in it."""
    (tmp_path / "mine.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--cache-dir", tmp_path / "cache", "mine.py"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    revealed = [line.rsplit("->", 1)[-1].strip(' "') for line in told.splitlines() if "Revealed type" in line]
    named = (
        "authoring.exercise.Exercise",
        "learning.learned.Learned",
        "records.figures.Curve",
        "course.layouts.Layout",
    )
    assert revealed == [f"grader.{name}" for name in named], told
    assert 'Unexpected keyword argument "nonsense" for "Exercise"' in told


def test_a_session_starts_its_fork_server_before_torch_is_imported():
    """The two take a second each, side by side; and no command waits for the database that does not need it."""
    code = "import grader.batch.worker, grader.cli.submit, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys; from grader.course.loading import load_course as l; "
    code += "from grader.course.settings import read_settings as r; l(r())"
    subprocess.run([sys.executable, "-c", f"{code}; sys.exit('sqlalchemy' in sys.modules)"], check=True)


def hooks():
    return [(name, spec) for name, spec in vars(hookspecs).items() if name.startswith("grader_")]


@pytest.mark.parametrize("name, spec", hooks())
def test_hooks_are_documented_exemplified_and_used(name, spec):
    doc = inspect.getdoc(spec)
    assert "Example:" in doc
    assert "Used by: " in doc
    user = ROOT / doc.split("Used by: ")[1].split()[0]
    assert f"def {name}(" in user.read_text()


def test_no_room_is_called_by_what_it_does_not_say():
    vague = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert not [path for path in [*engine_files(), *course_files()] if path.stem in vague]
