"""Finds plugins in a course folder, in the bundled course and in installed packages, and loads them."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from grader.authoring.exercise import Exercise
from grader.course import hookspecs
from grader.course.settings import CourseError, Settings, bundled

EXERCISES = "exercises"
_OLD_FOLDERS = {"starters": "<id>/starter.py", "calibration": "<id>/calibration/"}
"""Folders that courses used to have for all exercises together, and their place in each exercise's folder now."""
_Kind = TypeVar("_Kind")
PREFIX = "grader_course_"
"""The prefix of the names of modules that are loaded from a course's folder."""


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin."""

    name: str
    origin: str
    hooks: list[str]


def plugin_manager(settings: Settings, files: list[Path], entry_points: bool) -> pluggy.PluginManager:
    """Load the plugins in these files and, optionally, those of installed packages. Raises `CourseError`."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    for file in files:
        name = f"{file.parent.name}/{file.name}"
        where = f"{name}/__init__.py" if file.is_dir() else name
        with as_course_error(where):
            module = _load(settings.folder, file)
            if file.parent.name == EXERCISES:
                _add_exercise_hook(module, where)
            manager.register(module, name=name)
    if entry_points:
        _load_installed(manager)
    with as_course_error("plugins"):
        manager.check_pending()
    return manager


def plugin_files(course: Path, *, exercises: bool = True) -> list[Path]:
    """The course's exercises, the bundled plugins, and the course's own plugins, which override bundled ones by
    name."""
    found = _exercise_folders(course) if exercises else []
    plugins = {path.stem: path for folder in (bundled(), course) for path in _loadable(folder / "plugins")}
    return found + [plugins[name] for name in sorted(plugins)]


def loaded_plugins(manager: pluggy.PluginManager, course: Path) -> list[Plugin]:
    """All loaded plugins, with the folder or the distribution that each comes from."""
    distributions = {id(plugin): f"{d.project_name} {d.version}" for plugin, d in manager.list_plugin_distinfo()}
    found = []
    for name, plugin in manager.list_name_plugin():
        if plugin is not None:
            hooks = sorted(caller.name for caller in manager.get_hookcallers(plugin) or [])
            home = (
                "the bundled course"
                if bundled() in Path(getattr(plugin, "__file__", None) or "/").parents
                else str(course)
            )
            found.append(Plugin(name, distributions.get(id(plugin), home), hooks))
    return found


def contributed(lists: Iterable[Sequence[Any]], kind: type[_Kind], hook: str) -> list[_Kind]:
    """All contributions of the plugins in one list. Raises `CourseError` for one of another type."""
    values = [value for listed in lists for value in listed]
    for value in values:
        if not isinstance(value, kind):
            raise CourseError(f"{hook} contributed {value!r}, expected a list of {kind.__name__}")
    return values


@contextlib.contextmanager
def as_course_error(where: str) -> Iterator[None]:
    """Convert any exception of a plugin's code to a one-line `CourseError` that names file and line."""
    try:
        yield
    except (CourseError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit too: a plugin must not end the grader
        frames = traceback.extract_tb(error.__traceback__)
        line = f", line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames else ""
        text = " ".join(str(error).split())
        raise CourseError(f"{where}: {type(error).__name__}: {text}{line}") from error


def _load_installed(manager: pluggy.PluginManager) -> None:
    """Load the plugins of installed packages one by one, so that an error names the package."""
    seen: dict[str, str] = {}
    for point in importlib.metadata.entry_points(group=hookspecs.PROJECT):
        package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an installed package"
        if point.name in seen:  # pluggy would silently ignore the second
            one = f"an entry point called '{point.name}' in the group '{hookspecs.PROJECT}'"
            raise CourseError(f"{seen[point.name]} and {package} both have {one}; uninstall one")
        seen[point.name] = package
        with as_course_error(f"{package}, entry point '{point.name}'"):
            manager.load_setuptools_entrypoints(hookspecs.PROJECT, name=point.name)


def _exercise_folders(course: Path) -> list[Path]:
    """The folders of the course's exercises. Raises `CourseError` for files in an outdated place."""
    found = []
    for path in sorted((course / EXERCISES).glob("*")):
        where = f"{EXERCISES}/{path.name}"
        if path.name.startswith(("_", ".")):
            continue
        if path.suffix == ".py":
            raise CourseError(
                f"{where}: an exercise is a folder; move this file to {EXERCISES}/{path.stem}/__init__.py"
            )
        if path.name in _OLD_FOLDERS and any(path.glob("[!_.]*")):  # an empty folder may remain after the move
            raise CourseError(
                f"{where}/: each exercise has its own; move what is in it to {EXERCISES}/{_OLD_FOLDERS[path.name]}"
            )
        if (path / "__init__.py").is_file():
            found.append(path)
    return found


def _add_exercise_hook(module: ModuleType, where: str) -> None:
    """Add the `grader_exercises` hook to a module that defines `exercise`, unless it has hooks of its own.

    Raises `CourseError` if it defines none, or its folder has another name, in which starter, solutions and calibration
    would not be found.
    """
    exercise, folder = getattr(module, "exercise", None), where.split("/")[1]
    if any(hasattr(value, "grader_impl") for value in vars(module).values()):
        return
    if not isinstance(exercise, Exercise):
        raise CourseError(f"{where}: it defines no exercise; write `exercise = Exercise(...)`")
    if not exercise.id.isidentifier():
        raise CourseError(
            f"{where}: '{exercise.id}' is the name of the file that students submit; use letters, digits and _"
        )
    if exercise.id != folder:
        raise CourseError(f"{where}: its exercise is called '{exercise.id}'; call its folder {EXERCISES}/{exercise.id}")
    module.grader_exercises = hookspecs.hookimpl(lambda: [exercise])  # type: ignore[attr-defined]


def _loadable(folder: Path) -> list[Path]:
    def is_plugin(path: Path) -> bool:
        return path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").is_file())

    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(("_", ".")) and is_plugin(path))


def _load(course: Path, path: Path) -> ModuleType:
    """Import a plugin's file under a unique name, added to `sys.modules` first (dataclasses need that)."""
    digest = hashlib.blake2b(str(course).encode(), digest_size=4).hexdigest()
    name = f"{PREFIX}{digest}_{path.parent.name}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    file = path / "__init__.py" if path.is_dir() else path
    search = [str(path)] if path.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise CourseError(f"{file}: cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
