"""A course's `pyproject.toml`, read before any of its code is loaded: the jail starts with what stands there.

Imports no torch: the fork server imports it at the same time, in its own process.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from grader.records.errors import GraderFault
from grader.records.limits import Limits


class CourseError(GraderFault):
    """A course that cannot be used: what, where, what to do, in one line."""


@dataclass(frozen=True)
class Settings:
    """A course's `pyproject.toml`, as far as it is ours: read without loading any code."""

    folder: Path
    options: dict[str, Any]
    """`[tool.grade]`: defaults for command-line options."""
    limits: dict[str, float]
    """`[tool.grade.limits]`: defaults for what attempts may use."""
    exercises: dict[str, dict[str, Any]]
    """`[tool.grade.exercises.<id>]`: what an exercise lets a course set."""
    plugins: dict[str, dict[str, Any]]
    """`[tool.grade.plugins.<name>]`: what a course sets for its plugins."""
    packages: list[str]
    """`[tool.grade] packages`: what students may import beside torch and numpy."""


def bundled() -> Path:
    """The course that came with the grader: inside the wheel, else the checkout itself."""
    package = Path(__file__).resolve().parents[1]
    return package / "bundled" if (package / "bundled").is_dir() else package.parent


def starter_of(course: Path, exercise: str) -> Path:
    """What students begin an exercise with."""
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
