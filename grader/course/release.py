"""Builds the student release of a course: exercises, plugins, reports, starters, handouts and reference bands.

It leaves out solutions, tests, and the instructor's settings in `[tool.grade]`: seeds, gradebooks, rosters and the
course's own data.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course import calibration, torch_build
from grader.course.handout import handout
from grader.course.loading import Course, effective_limits
from grader.course.settings import Settings, bundled
from grader.records.errors import UsageError
from grader.records.versions import versions

_FOLDERS = ("exercises", "plugins", "reports")
_KEPT_OPTIONS = ("exercise", "device")
"""The defaults for options that students get too."""
_LEFT_OUT = ("__pycache__", "README.md")

_README = """# {title}

Exercises on recurrent networks that grade themselves, on your own machine. {count}: {exercises}.

## Install

Linux (on Windows: WSL 2), Python 3.11 or later, and `{distribution}` {version}, which brings the command `grade`.
Install PyTorch first, built for the CPU: without that line, pip brings a build with about 5.7 GB of CUDA libraries. In
an environment of its own:

    python3 -m venv .venv
    . .venv/bin/activate
    pip install {torch} --index-url {index}
    pip install {distribution}=={version}
    grade doctor

With uv: `uv pip install {torch} --torch-backend=cpu`, then `uv pip install {distribution}=={version}`. If your course
names another place to install `{distribution}` from, use that.{measured}

## Work

In this folder:

    grade start {first} work --course .
    grade show {first} --course .
    grade watch work --course .
    grade submit work --course .
    pytest --grade --grade-course . work

`start` puts a starter into the folder `work`, with gaps for you to fill. `show` prints the task, its points and
its limits, which are also in `handouts/`. `watch` grades whenever you save; `submit` grades once and writes a report
into `grade-report/`; with pytest, each check is a test in your editor.

`export GRADE_COURSE=$PWD` saves you from writing `--course .` each time.

## Practice, not the grade

The checks are the same that grade your submission, but their data differ: each grading has a seed, which determines the
inputs, the examples a model is trained on and those it is scored on{data}. So the points here are
practice, and nobody sees them but you. Try several seeds (`--seed 1`, `--seed 2`, ...): if you get full marks with each
of them, you can expect full marks there. Every report says how often our own reference solutions fell short.
"""
_MEASURED = " The error rates that reports state were measured with this version of torch."
_OTHER_DATA = "; the data of your course ({names}) is not included"


class CannotRelease(UsageError):
    """The release cannot be written; the message says why and what to do."""


@dataclass(frozen=True)
class Released:
    """The number of files written, and notes about what was left out on purpose."""

    files: int
    notes: list[str]


def release(course: Course, folder: Path, *, with_data: bool = False) -> Released:
    """Write the student release into an empty or new folder. Raises `CannotRelease`.

    `with_data` includes the course's own data, the paths in its exercises' options.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise CannotRelease(f"{folder} is not empty; choose a new folder")
    if folder.exists() and not folder.is_dir():
        raise CannotRelease(f"{folder} is a file, expected a new folder")
    if not course.exercises:
        raise CannotRelease(f"{course.settings.folder} has no exercises to release")
    settings, data = _for_students(course.settings, with_data)
    copied = dict(_course_files(course.settings.folder))
    for path in data if with_data else []:
        copied |= dict(_files(course.settings.folder, path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in copied.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        written = {
            **{f"handouts/{e.id}.md": handout(e, effective_limits(course.settings, e)) for e in course.exercises},
            "pyproject.toml": _table(settings),
            "README.md": _readme(course, [] if with_data else data),
        }
        for name, text in written.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotRelease(f"{error.filename or folder}: {error.strerror}; {folder} is not complete") from None
    return Released(len(copied) + len(written), list(_notes(course, folder, settings, [] if with_data else data)))


def _for_students(settings: Settings, with_data: bool) -> tuple[dict[str, Any], list[Path]]:
    """The students' `[tool.grade]` table, and the paths of the course's own data."""
    chosen: dict[str, dict[str, Any]] = {}
    data: list[Path] = []
    for name, options in settings.exercises.items():
        paths = {key: Path(value) for key, value in options.items() if _is_path(settings.folder, value)}
        data += paths.values()
        kept = {key: value for key, value in options.items() if with_data or key not in paths}
        if kept:
            chosen[name] = kept
    table: dict[str, Any] = {key: settings.options[key] for key in _KEPT_OPTIONS if key in settings.options}
    table |= {"packages": settings.packages} if settings.packages else {}
    table |= {"limits": settings.limits} if settings.limits else {}
    table |= {"exercises": chosen} if chosen else {}
    for path in data if with_data else []:
        inside = (settings.folder / path).resolve()
        if not inside.is_relative_to(settings.folder):
            raise CannotRelease(f"{path} is outside the course's folder, and cannot be released with it")
    return table, data


def _is_path(folder: Path, value: object) -> bool:
    return isinstance(value, str) and bool(value) and (folder / value).exists()


def _course_files(course: Path) -> Iterator[tuple[str, Path]]:
    """The files of the course that students get, by relative path."""
    for name in _FOLDERS:
        if (course / name).is_dir():
            yield from _files(course, Path(name))


def _files(course: Path, inside: Path) -> Iterator[tuple[str, Path]]:
    path = course / inside
    if path.is_file():
        yield str(inside), path
        return
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(course)
        hidden = any(part.startswith(".") or part in _LEFT_OUT for part in relative.parts)
        if file.is_file() and not hidden and file.suffix != ".pyc":
            yield str(relative), file


def _readme(course: Course, data: list[Path]) -> str:
    ids = [exercise.id for exercise in course.exercises]
    is_bundled = course.settings.folder == bundled()
    measured = sorted(torch_build.measured_with(course.settings.folder), key=torch_build.release_of)
    return _README.format(
        title="Exercises on recurrent networks" if is_bundled else course.settings.folder.name,
        count="One" if len(ids) == 1 else f"There are {len(ids)}",
        exercises=", ".join(f"[{name}](handouts/{name}.md)" for name in ids),
        first="my_rnn" if "my_rnn" in ids else ids[0],
        distribution="rnn-grader",
        version=versions()["rnn-grader"],
        torch=f"torch=={measured[-1]}" if measured else "torch",
        index=torch_build.CPU_INDEX,
        measured=_MEASURED if measured else "",
        data=_OTHER_DATA.format(names=", ".join(f"`{path.name}`" for path in data)) if data else "",
    )


def _notes(course: Course, folder: Path, settings: dict[str, Any], left_out: list[Path]) -> Iterator[str]:
    for path in left_out:
        yield f"{path} is left out: it is your data, which models are scored on (--with-data includes it)"
    for key in course.settings.options:
        if key not in settings:
            yield f"[tool.grade] {key} is left out"
    for exercise in course.exercises:
        for check in exercise.checks:
            if check.task is not None and calibration.load(folder, exercise, check) is None:
                yield (
                    f"{exercise.id}.{check.id} has no reference band: `grade verify {exercise.id} --calibrate 25` "
                    "measures one"
                )


def _table(settings: dict[str, Any]) -> str:
    """`[tool.grade]` as TOML."""
    tables = [("tool.grade", settings)]
    lines: list[str] = []
    for name, table in tables:
        plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
        lines += [f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in plain.items()), ""]
        tables += [(f"{name}.{_key(key)}", value) for key, value in table.items() if isinstance(value, dict)]
    return "\n".join(lines)


def _key(name: str) -> str:
    return (
        name
        if name.replace("_", "").replace("-", "").isalnum() and name.isascii()
        else json.dumps(name, ensure_ascii=False)
    )


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return str(value)  # numbers and dates
