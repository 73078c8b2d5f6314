"""`grade start ID... [DIR]`."""

import difflib
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, version_option
from grader.records.errors import UsageError
from grader.records.files import write_all_or_none

if TYPE_CHECKING:
    from grader.course.loading import Course
    from grader.course.settings import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, required=True, metavar="ID... [DIR]")
@course_option
@version_option
def start(names: tuple[str, ...], course: "Settings") -> None:
    """Copy the starter files of exercises into DIR (default: the current folder). Never overwrites files.

    The last argument is DIR unless it names an exercise; an existing folder always counts as DIR. DIR is created if
    needed.
    """
    from grader.course.loading import load_course

    loaded = load_course(course)
    ids, folder = _divide(names, loaded)
    starters = {name: _starter(loaded, name) for name in dict.fromkeys(ids)}
    _put(starters, folder)
    where, of = shlex.quote(str(folder)), _course_words(course.folder)
    first = next(iter(starters))
    click.echo(f"\nWhat is asked:    grade show {first}{of}")
    click.echo(f"As you work:      grade watch {where}{of}")
    click.echo(f"Points, report:   grade submit {where}{of}")


def _divide(names: tuple[str, ...], course: "Course") -> tuple[tuple[str, ...], Path]:
    """Split the arguments into exercises and the target folder. Raises `UsageError`."""
    known = [exercise.id for exercise in course.exercises]
    *ids, last = names
    is_folder = bool(ids) and (last not in known or Path(last).is_dir())
    if not is_folder:
        ids, last = list(names), "."
    for name in ids:
        if name not in known:
            hint = "; name an exercise before the folder" if len(names) == 1 and Path(name).is_dir() else ""
            raise UsageError(f"unknown exercise '{name}'; available: {', '.join(known) or 'none'}{hint}")
    folder = Path(last)
    near = difflib.get_close_matches(last, known, 1, 0.8)
    if near and is_folder and not folder.is_dir():
        raise UsageError(f"unknown exercise '{last}'; did you mean {near[0]}? For a folder, write ./{last}")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{last} is a file; the last argument must be a folder or an exercise")
    return tuple(ids), folder


def _starter(course: "Course", name: str) -> bytes:
    from grader.course.settings import starter_of

    file = starter_of(course.settings.folder, name)
    try:
        return file.read_bytes()
    except OSError:
        raise UsageError(
            f"the course has no starter for {name}; `grade show {name}` says what {name}.py must define"
        ) from None


def _course_words(folder: Path) -> str:
    """The `--course` option to type from here; the bundled course needs none."""
    from grader.course.settings import bundled

    if folder == bundled():
        return ""
    near = os.path.relpath(folder)
    return f" --course {shlex.quote(str(folder) if near.startswith('..') else near)}"


def _put(starters: dict[str, bytes], folder: Path) -> None:
    """Write all of them or none."""
    targets = {name: folder / f"{name}.py" for name in starters}
    there = [str(file) for file in targets.values() if file.exists() or file.is_symlink()]
    if there:
        raise UsageError(
            f"{', '.join(there)}: already there; nothing was written. Move it away, or name another folder"
        )
    try:
        write_all_or_none({file: starters[name] for name, file in targets.items()})
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to ({error.strerror}); nothing was written") from None
    for file in targets.values():
        click.echo(f"wrote {file}")
