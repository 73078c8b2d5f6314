"""Reads a course's `pyproject.toml`, before any of the course's code is loaded: starting the jail needs these settings.

Does not import torch, which the fork server is importing at the same time in its own process.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from grader.records.errors import GraderFault
from grader.records.limits import Limits


class CourseError(GraderFault):
    """A course that cannot be used. The message is one line: what, where, and what to do."""


@dataclass(frozen=True)
class Settings:
    """The `[tool.grade]` tables of a course's `pyproject.toml`."""

    folder: Path
    options: dict[str, Any]
    """`[tool.grade]`: defaults for command-line options."""
    limits: dict[str, float]
    """`[tool.grade.limits]`: default limits of attempts."""
    exercises: dict[str, dict[str, Any]]
    """`[tool.grade.exercises.<id>]`: options of exercises."""
    plugins: dict[str, dict[str, Any]]
    """`[tool.grade.plugins.<name>]`: settings of plugins."""
    packages: list[str]
    """`[tool.grade] packages`: distributions that students may import besides torch and numpy."""


def bundled() -> Path:
    """The bundled course: inside the wheel, or the checkout itself."""
    package = Path(__file__).resolve().parents[1]
    return package / "bundled" if (package / "bundled").is_dir() else package.parent


def starter_of(course: Path, exercise: str) -> Path:
    """The path of an exercise's starter."""
    return course / "exercises" / exercise / "starter.py"


def read_settings(folder: Path | None = None) -> Settings:
    """Read a course's settings. Raises `CourseError`."""
    folder = (folder or bundled()).resolve()
    if not folder.is_dir():
        raise CourseError(f"{folder}: no such course folder")
    file = folder / "pyproject.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (OSError, ValueError) as error:
        raise CourseError(f"{file}: cannot be read: {error}") from None
    try:
        options = msgspec.convert(table.get("tool", {}).get("grade", {}), dict[str, Any])
    except (AttributeError, msgspec.ValidationError):
        raise CourseError(f"{file}: [tool.grade] must be a table") from None
    limits = options.pop("limits", {})
    packages = options.pop("packages", [])
    exercises = options.pop("exercises", {})
    plugins = options.pop("plugins", {})
    try:
        msgspec.convert(limits, Limits)
        packages = msgspec.convert(packages, list[str])
        exercises = msgspec.convert(exercises, dict[str, dict[str, Any]])
        plugins = msgspec.convert(plugins, dict[str, dict[str, Any]])
    except msgspec.ValidationError as error:
        raise CourseError(f"{file}: [tool.grade]: {error}") from None
    return Settings(folder, options, limits, exercises, plugins, packages)
