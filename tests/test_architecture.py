"""The rules of the house, read from the syntax trees: who imports whom, what a worker loads, what hooks must have."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import grader
from grader.course import hookspecs
from grader.jail.view import worker_view

ROOT = Path(__file__).parents[1]

FLOOR = {
    "records",
    "tables",
    "collecting",
    "roster",
    "plain",
    "versions",
    "jail.messages",
    "jail.wire",
    "jail.cgroups",
    "exercise",
    "expectations",
    "figures",
    "recipe",
    "watch",
    "settings",
    "task",
    "causes",
    "calibration",
}
INSIDE = {
    "zygote",
    "worker",
    "serving",
    "models",
    "loading",
    "archive",
    "converting",
    "places",
    "probe",
    "lockdown",
    "landlock",
    "seccomp",
    "launcher",
    "training",
}
LAYERS = [
    FLOOR,
    {f"jail.{room}" for room in INSIDE}
    | {"jail.gpu", "jail.view", "jail.handle", "jail.starting", "summary", "hookspecs", "handout"},
    {"jail.host", "course"},
    {"jail.isolation", "submissions", "spool", "conversions", "downloads", "patterns"},
    {"attempt"},
    {"student"},
    {"hints", "evidence", "probes"},
    {"symptoms"},
    {"learning"},
    {"grading"},
    {"advice"},
    {"verify", "watching", "release"},
    {"calibrating"},
    {"devices", "parcels", "gradebook"},
    {"slot", "executors", "uploads"},
    {"batch", "reporting"},
    {"commands", "cli", "__main__", "pytest_plugin", "pytest_verify"},
]
"""Lowest first. A module imports modules of lower layers, or of its own."""


def imports_of(path: Path) -> set[str]:
    """The modules a file imports, anywhere in it, with the names taken from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def room(name: str) -> str | None:
    """The engine's module that an import names, without `grader.`; None for what is not ours."""
    parts = name.split(".")
    if parts[0] != "grader" or len(parts) == 1:
        return None
    if parts[1] == "commands":
        return "commands"
    if parts[1] == "jail":
        return f"jail.{parts[2]}" if len(parts) > 2 else None
    return parts[1]


def engine_files() -> list[Path]:
    return sorted((ROOT / "grader").rglob("*.py"))


def layer_of(module: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if module in layer)


@pytest.mark.parametrize("path", engine_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    own = room(".".join(parts))
    if path.name == "__init__.py" or own is None:
        return
    modules = {path.stem for path in engine_files()}
    for name in imports_of(path):
        other = room(name)
        if other is None or other.split(".")[-1] not in modules | {"commands"}:
            continue
        assert layer_of(other) <= layer_of(own), f"{own} imports {other}"


@pytest.mark.parametrize("name", sorted(INSIDE - {"launcher"}))
def test_rooms_inside_the_jail_import_nothing_of_ours_but_each_other(name):
    allowed = {f"jail.{room}" for room in INSIDE} | {"jail.messages", "jail.wire"}
    third_party = {"torch", "numpy", "msgspec"}
    for imported in imports_of(ROOT / "grader" / "jail" / f"{name}.py"):
        top = imported.split(".")[0]
        assert top in sys.stdlib_module_names | third_party | {"grader", "__future__"}, imported
        if (other := room(imported)) is not None:
            assert other in allowed, imported


def test_allow_list_names_the_rooms_and_nothing_else_of_ours():
    ours = {path for path in worker_view().readable if path.startswith(str(ROOT))}
    rooms = {f"jail/{name}.py" for name in INSIDE | {"messages", "wire", "__init__"}}
    expected = {str(ROOT / "grader" / room) for room in rooms | {"__init__.py"}}
    assert {path for path in ours if "/.venv/" not in path} == expected


def course_files() -> list[Path]:
    folders = ("exercises", "plugins")
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py") if "starters" not in file.parts)


@pytest.mark.parametrize("path", course_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_exercises_and_plugins_import_the_face_only(path):
    for name in imports_of(path):
        parts = name.split(".")
        assert parts[0] != "grader" or len(parts) == 1 or parts[1] in grader.__all__, name


def test_students_code_imports_torch_numpy_and_the_standard_library():
    files = [*(ROOT / "solutions").rglob("*.py"), *(ROOT / "exercises" / "starters").rglob("*.py")]
    assert files
    for path in files:
        for name in imports_of(path):
            assert name.split(".")[0] in sys.stdlib_module_names | {"torch", "numpy"}, f"{path}: {name}"


def test_nobody_imports_content_by_name():
    for path in [*engine_files(), *course_files()]:
        tops = {name.split(".")[0] for name in imports_of(path)}
        assert not tops & {"exercises", "plugins", "solutions", "reports"}, path


def test_face_is_complete_and_lazy():
    for name in grader.__all__:
        assert getattr(grader, name) is not None
    assert list(grader.__all__) == sorted(grader.__all__)
    code = "import grader, sys; sys.exit('torch' in sys.modules or 'click' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_slot_starts_its_zygote_before_torch_is_imported():
    """The two take a second each, side by side; and no command waits for the database that does not need it."""
    code = "import grader.batch.worker, grader.cli.submit, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "from grader.course.loading import load_course as l; from grader.course.settings import read_settings as r; import sys; l(r())"
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
