"""A course folder -> loaded plugins -> Course.

A course is given or bundled, never looked up from the current folder or from beside a submission: loading one runs its
code on the trusted side.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pluggy

from grader.authoring.exercise import Exercise
from grader.course import hookspecs
from grader.course.hookspecs import ExecutorSpec, Exporter, Format, ReportWriter
from grader.course.layouts import Layout
from grader.course.settings import CourseError, Settings, bundled
from grader.records.errors import UsageError
from grader.records.limits import Limits

if TYPE_CHECKING:
    import click

_Kind = TypeVar("_Kind")


class UnknownExercise(UsageError):
    """An id that no exercise of the course has."""


@dataclass(frozen=True)
class Plugin:
    """A plugin that was loaded."""

    name: str
    origin: str
    hooks: list[str]


@dataclass(frozen=True)
class Course:
    """What a run can grade and how it reports."""

    settings: Settings
    exercises: list[Exercise]
    formats: list[Format]
    reports: dict[str, ReportWriter]
    layouts: dict[str, Layout]
    executors: dict[str, ExecutorSpec]
    exporters: dict[str, Exporter]
    hooks: pluggy.HookRelay
    """What is asked for each grade: adjustments."""
    plugins: list[Plugin]

    def pick(self, ids: tuple[str, ...]) -> list[Exercise]:
        """The exercises with these ids, in the course's order; all of them for no ids. Raises `UnknownExercise`."""
        known = {exercise.id for exercise in self.exercises}
        for name in ids:
            if name not in known:
                raise UnknownExercise(
                    f"no exercise is called '{name}'; there are: {', '.join(sorted(known)) or 'none'}"
                )
        return [exercise for exercise in self.exercises if not ids or exercise.id in ids]


def load_course(settings: Settings, *, entry_points: bool = True) -> Course:
    """Load the course's exercises and plugins. Raises `CourseError` for anything broken, before any grading."""
    manager = _manager(settings, _plugin_files(settings.folder), entry_points)
    templates = [folder for folder in (settings.folder / "reports", bundled() / "reports") if folder.is_dir()]
    with _one_line("plugins"):
        exercises = _contributed(manager.hook.grader_exercises(), Exercise, "grader_exercises")
        formats = _contributed(manager.hook.grader_formats(), Format, "grader_formats")
        reports = _contributed(manager.hook.grader_reports(reports=templates), ReportWriter, "grader_reports")
        ids = [exercise.id for exercise in exercises]
        layouts = _contributed(manager.hook.grader_layouts(exercises=ids), Layout, "grader_layouts")
        executors = _contributed(manager.hook.grader_executors(), ExecutorSpec, "grader_executors")
        exporters = _contributed(manager.hook.grader_exporters(), Exporter, "grader_exporters")
    _refuse_duplicates([exercise.id for exercise in exercises], "exercises")
    _check_formats(formats)
    for exercise in exercises:
        with _one_line(f"exercise '{exercise.id}': limits"):
            effective_limits(settings, exercise)
    _set_options(settings, exercises)
    return Course(
        settings,
        sorted(exercises, key=lambda e: e.id),
        formats,
        _by_name(reports, "reports"),
        _by_name(layouts, "layouts"),
        _by_name(executors, "executors"),
        _by_name(exporters, "exporters"),
        manager.hook,
        _plugins(manager, settings.folder),
    )


def load_commands(settings: Settings) -> "dict[str, click.Command]":
    """The commands that plugins add; exercises are not loaded for it. Raises `CourseError`."""
    import click

    manager = _manager(settings, _plugin_files(settings.folder, exercises=False), entry_points=True)
    with _one_line("plugins"):
        found = _contributed(manager.hook.grader_commands(), click.Command, "grader_commands")
    return _by_name(found, "commands")


def _manager(settings: Settings, files: list[Path], entry_points: bool) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    for file in files:
        name = f"{file.parent.name}/{file.name}"
        with _one_line(name):
            manager.register(_load(settings.folder, file), name=name)
    if entry_points:
        _load_installed(manager)
    with _one_line("plugins"):
        manager.check_pending()
    return manager


def _load_installed(manager: pluggy.PluginManager) -> None:
    """Load the plugins of installed packages, one by one: what fails is told by its package's name."""
    seen: dict[str, str] = {}
    for point in importlib.metadata.entry_points(group=hookspecs.PROJECT):
        package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an installed package"
        if point.name in seen:  # pluggy would pass over the second in silence
            one = f"an entry point called '{point.name}' in the group '{hookspecs.PROJECT}'"
            raise CourseError(f"{seen[point.name]} and {package} both have {one}; uninstall one")
        seen[point.name] = package
        with _one_line(f"{package}, entry point '{point.name}'"):
            manager.load_setuptools_entrypoints(hookspecs.PROJECT, name=point.name)


def _plugins(manager: pluggy.PluginManager, course: Path) -> list[Plugin]:
    """Who brought what: by file in a folder, or by distribution."""
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


def hash_of(settings: Settings) -> str:
    """What decides grades, in one hash: the exercises, what the course sets for them, and the grader itself.

    Machines that grade one batch must agree in it. Starters, calibrations and looks are no part of it.
    """
    digest = hashlib.blake2b(digest_size=16)
    for root in (settings.folder / "exercises", Path(__file__).resolve().parents[1]):
        for file in sorted(root.rglob("*")):
            folders = file.relative_to(root).parts[:-1]
            if not file.is_file() or file.suffix == ".pyc" or {"starters", "calibration", "bundled"} & set(folders):
                continue
            data = file.read_bytes()
            digest.update(f"{file.relative_to(root).as_posix()}:{len(data)}:".encode())
            digest.update(data)
    chosen = {"limits": settings.limits, "exercises": settings.exercises, "packages": settings.packages}
    digest.update(json.dumps(chosen, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def effective_limits(settings: Settings, exercise: Exercise | None = None) -> Limits:
    """The exercise's own limits, else the course's, else the defaults."""
    return msgspec.convert({**settings.limits, **(exercise.limits if exercise is not None else {})}, Limits)


def _set_options(settings: Settings, exercises: list[Exercise]) -> None:
    """Hand each exercise what the course sets for it. Raises `CourseError` for what is not there to be set."""
    by_id = {exercise.id: exercise for exercise in exercises}
    for name, chosen in settings.exercises.items():
        where = f"{settings.folder / 'pyproject.toml'}: [tool.grade.exercises.{name}]"
        if name not in by_id:
            raise CourseError(f"{where}: no exercise is called '{name}'; there are: {', '.join(sorted(by_id))}")
        options = by_id[name].options
        for key, value in chosen.items():
            if key not in options:
                allowed = f"it has {', '.join(options)}" if options else "it has none"
                raise CourseError(f"{where}: '{key}' is no option of this exercise; {allowed}")
            if type(value) is not type(options[key]):
                wanted = type(options[key]).__name__
                raise CourseError(f"{where}: {key} is {value!r}, expected a value of type {wanted}")
    for exercise in exercises:
        exercise.folder = settings.folder
        exercise.options = {**exercise.options, **settings.exercises.get(exercise.id, {})}
        if exercise.id in settings.exercises and exercise.data is not None:
            with _one_line(f"exercise '{exercise.id}'"):
                _look_at(exercise.data, exercise.id)


def _look_at(data: Callable[[], str], name: str) -> None:
    """What the course chose is looked at before any grading; a ValueError is how data says that it will not do."""
    try:
        data()
    except ValueError as problem:
        raise CourseError(f"exercise '{name}': {' '.join(str(problem).split())}") from None


def _plugin_files(course: Path, *, exercises: bool = True) -> list[Path]:
    """The course's exercises, the bundled plugins, and the course's own, which replace bundled ones of their name."""
    found = list(_loadable(course / "exercises")) if exercises else []
    plugins = {path.stem: path for folder in (bundled(), course) for path in _loadable(folder / "plugins")}
    return found + [plugins[name] for name in sorted(plugins)]


def _loadable(folder: Path) -> list[Path]:
    def is_plugin(path: Path) -> bool:
        return path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").is_file())

    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(("_", ".")) and is_plugin(path))


def _load(course: Path, path: Path) -> ModuleType:
    """Run a plugin's file under a name of its own, entered in `sys.modules` first (dataclasses look there)."""
    digest = hashlib.blake2b(str(course).encode(), digest_size=4).hexdigest()
    name = f"grader_course_{digest}_{path.parent.name}_{path.stem}"
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


@contextlib.contextmanager
def _one_line(where: str) -> Iterator[None]:
    """Any failure of a plugin's code as one line that names file and line."""
    try:
        yield
    except (CourseError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit too: a plugin does not end the grader
        frames = traceback.extract_tb(error.__traceback__)
        line = f", line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames else ""
        text = " ".join(str(error).split())
        raise CourseError(f"{where}: {type(error).__name__}: {text}{line}") from error


def _contributed(lists: Iterable[Sequence[Any]], kind: type[_Kind], hook: str) -> list[_Kind]:
    """What the plugins contributed, in one list. Raises `CourseError` for anything of another kind."""
    values = [value for listed in lists for value in listed]
    for value in values:
        if not isinstance(value, kind):
            raise CourseError(f"{hook} contributed {value!r}, expected a list of {kind.__name__}")
    return values


def _check_formats(formats: list[Format]) -> None:
    _refuse_duplicates([format_.name for format_ in formats], "formats")
    suffixes = [suffix for format_ in formats for suffix in format_.suffixes]
    for suffix in suffixes:
        if suffix in (".py", ".zip") or suffixes.count(suffix) > 1:
            raise CourseError(f"a format claims {suffix}, which is spoken for; remove one")
        if not suffix.startswith(".") or suffix != suffix.lower():
            raise CourseError(f"a format claims '{suffix}', expected an ending in small letters, as '.ipynb'")


def _by_name(values: list[Any], what: str) -> dict[str, Any]:
    _refuse_duplicates([value.name for value in values], what)
    return {value.name: value for value in values}


def _refuse_duplicates(names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise CourseError(f"two {what} are called '{name}'; rename one")
