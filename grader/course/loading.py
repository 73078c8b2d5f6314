"""Loads a course folder and its plugins.

A course is given explicitly or is the bundled one. It is never searched for in the current folder or next to a
submission, because loading a course runs its code on the trusted side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pluggy

from grader.authoring.exercise import Exercise
from grader.course.contributions import ExecutorSpec, Exporter, Format, ReportWriter
from grader.course.layouts import Layout
from grader.course.plugins import (
    Plugin,
    as_course_error,
    contributed,
    loaded_plugins,
    plugin_files,
    plugin_manager,
)
from grader.course.settings import CourseError, Settings, bundled
from grader.records.errors import UsageError
from grader.records.limits import Limits

if TYPE_CHECKING:
    import click


class UnknownExercise(UsageError):
    """No exercise of the course has this id."""


@dataclass(frozen=True)
class Course:
    """A loaded course: its exercises and everything its plugins add."""

    settings: Settings
    exercises: list[Exercise]
    formats: list[Format]
    reports: dict[str, ReportWriter]
    layouts: dict[str, Layout]
    executors: dict[str, ExecutorSpec]
    exporters: dict[str, Exporter]
    hooks: pluggy.HookRelay
    """The hook that is called for each grade: adjustments."""
    plugins: list[Plugin]

    def pick(self, ids: tuple[str, ...]) -> list[Exercise]:
        """The exercises with these ids, in the course's order; all, if `ids` is empty. Raises `UnknownExercise`."""
        known = {exercise.id for exercise in self.exercises}
        for name in ids:
            if name not in known:
                raise UnknownExercise(f"unknown exercise '{name}'; available: {', '.join(sorted(known)) or 'none'}")
        return [exercise for exercise in self.exercises if not ids or exercise.id in ids]


def load_course(settings: Settings, *, entry_points: bool = True) -> Course:
    """Load the course's exercises and plugins. Raises `CourseError` if anything is broken."""
    manager = plugin_manager(settings, plugin_files(settings.folder), entry_points)
    templates = [folder for folder in (settings.folder / "reports", bundled() / "reports") if folder.is_dir()]
    with as_course_error("plugins"):
        exercises = contributed(manager.hook.grader_exercises(), Exercise, "grader_exercises")
        formats = contributed(manager.hook.grader_formats(), Format, "grader_formats")
        reports = contributed(manager.hook.grader_reports(reports=templates), ReportWriter, "grader_reports")
        ids = [exercise.id for exercise in exercises]
        layouts = contributed(manager.hook.grader_layouts(exercises=ids), Layout, "grader_layouts")
        executors = contributed(manager.hook.grader_executors(), ExecutorSpec, "grader_executors")
        exporters = contributed(manager.hook.grader_exporters(), Exporter, "grader_exporters")
    _refuse_duplicates([exercise.id for exercise in exercises], "exercises")
    _check_formats(formats)
    for exercise in exercises:
        with as_course_error(f"exercise '{exercise.id}': limits"):
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
        loaded_plugins(manager, settings.folder),
    )


def load_commands(settings: Settings) -> "dict[str, click.Command]":
    """The commands that plugins add, without loading exercises. Raises `CourseError`."""
    import click

    manager = plugin_manager(settings, plugin_files(settings.folder, exercises=False), entry_points=True)
    with as_course_error("plugins"):
        found = contributed(manager.hook.grader_commands(), click.Command, "grader_commands")
    return _by_name(found, "commands")


def effective_limits(settings: Settings, exercise: Exercise | None = None) -> Limits:
    """The exercise's own limits, else the course's, else the defaults."""
    return msgspec.convert({**settings.limits, **(exercise.limits if exercise is not None else {})}, Limits)


def _set_options(settings: Settings, exercises: list[Exercise]) -> None:
    """Set each exercise's options from the course's settings. Raises `CourseError` for unknown or invalid ones."""
    by_id = {exercise.id: exercise for exercise in exercises}
    for name, chosen in settings.exercises.items():
        where = f"{settings.folder / 'pyproject.toml'}: [tool.grade.exercises.{name}]"
        if name not in by_id:
            raise CourseError(f"{where}: unknown exercise '{name}'; available: {', '.join(sorted(by_id))}")
        options = by_id[name].options
        for key, value in chosen.items():
            if key not in options:
                allowed = f"it has {', '.join(options)}" if options else "it has none"
                raise CourseError(f"{where}: this exercise has no option '{key}'; {allowed}")
            if type(value) is not type(options[key]):
                wanted = type(options[key]).__name__
                raise CourseError(f"{where}: {key} is {value!r}, expected a value of type {wanted}")
    for exercise in exercises:
        exercise.folder = settings.folder
        exercise.options = {**exercise.options, **settings.exercises.get(exercise.id, {})}
        if exercise.id in settings.exercises and exercise.data is not None:
            with as_course_error(f"exercise '{exercise.id}'"):
                _check_data(exercise.data, exercise.id)


def _check_data(data: Callable[[], str], name: str) -> None:
    """Check the data that the course chose, before any grading. `data` raises ValueError if it is unusable."""
    try:
        data()
    except ValueError as problem:
        raise CourseError(f"exercise '{name}': {' '.join(str(problem).split())}") from None


def _check_formats(formats: list[Format]) -> None:
    _refuse_duplicates([format_.name for format_ in formats], "formats")
    suffixes = [suffix for format_ in formats for suffix in format_.suffixes]
    for suffix in suffixes:
        if suffix in (".py", ".zip") or suffixes.count(suffix) > 1:
            raise CourseError(f"a format claims {suffix}, which is already taken; remove one")
        if not suffix.startswith(".") or suffix != suffix.lower():
            raise CourseError(f"a format claims '{suffix}', expected a lower-case suffix such as '.ipynb'")


def _by_name(values: list[Any], what: str) -> dict[str, Any]:
    _refuse_duplicates([value.name for value in values], what)
    return {value.name: value for value in values}


def _refuse_duplicates(names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise CourseError(f"two {what} are called '{name}'; rename one")
