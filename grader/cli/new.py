"""`grade new exercise ID`: writes a small exercise that passes `grade verify`, to start from.

The templates are in `grader/templates`; only a few names are filled in. The course itself is not loaded.
"""

import keyword
import re
import sys
from pathlib import Path
from string import Template

import click

from grader.cli.options import version_option
from grader.records.errors import UsageError
from grader.records.files import write_all_or_none

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
_STUDENTS_NEED = {"torch", "numpy"}
_OLD_FOLDERS = {"starters", "calibration"}
_LONGEST = 50


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@version_option
def new() -> None:
    """Create new course content."""


@new.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("exercise_id", metavar="ID")
@click.option("--learning", is_flag=True, help="An exercise that trains a model, with a learning check and a probe.")
@click.option(
    "--course",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="GRADE_COURSE",
    help="The course folder to write to. Default: the current folder, if it has an exercises/ folder.",
)
@version_option
def exercise(exercise_id: str, learning: bool, course: Path | None) -> None:
    """Write a new exercise with its starter, reference and first mistake.

    The new exercise is small, runs, and passes `grade verify ID`. Replace its content with your own, verifying after
    each change. Nothing is overwritten.
    """
    folder = _course_folder(course)
    kind = "learning" if learning else "structural"
    _refuse_name(exercise_id)
    files = _files(folder, exercise_id, kind)
    _refuse_existing(folder, exercise_id, list(files))
    try:
        write_all_or_none({file: text.encode() for file, text in files.items()})
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to: {error.strerror}; nothing was changed") from None
    where = f" --course {course}" if course is not None else ""
    for file in files:
        click.echo(f"wrote {file.relative_to(folder)}")
    click.echo(
        f"\nNext:\n"
        f"  grade verify {exercise_id}{where}    passes as it is\n"
        f"  grade show {exercise_id}{where or ' --course .'}    what students will read\n"
        f"Then replace the statement, the reference and the checks with your own, and verify after each step."
    )


def _course_folder(given: Path | None) -> Path:
    """The folder to write to. A folder given explicitly may be empty; the current one must look like a course."""
    folder = (given or Path.cwd()).resolve()
    if given is None and not (folder / "exercises").is_dir():
        raise UsageError(
            f"{folder} has no exercises/ folder, so it is not a course; run this in your course folder, or pass "
            f"--course DIR"
        )
    if folder == TEMPLATES.parent / "bundled":
        raise UsageError(f"{folder} is part of the grader and is replaced on upgrade; make a folder of your own")
    return folder


def _refuse_name(name: str) -> None:
    """Raise `UsageError` for a name that cannot be the name of a student's module."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise UsageError(
            f"'{name}' is not a valid exercise name: students submit a Python module with that name, so use letters "
            f"a-z, digits and underscores, starting with a letter, such as 'parity' or 'my_gru'"
        )
    if len(name) > _LONGEST:
        raise UsageError(f"'{name}' is too long for an exercise's name: use at most {_LONGEST} characters")
    if name in sys.stdlib_module_names | _STUDENTS_NEED:
        raise UsageError(f"'{name}' is a module that others import: a student's {name}.py would hide it")
    if name in _OLD_FOLDERS:
        raise UsageError(f"'{name}' was a folder for all exercises in older courses; choose another name")


def _files(folder: Path, name: str, kind: str) -> dict[Path, str]:
    """The files to write, and what goes into them."""
    words = name.strip("_").split("_")
    names = {
        "id": name,
        "class": "".join(word[:1].upper() + word[1:] for word in words) + "Model",
        "title": " ".join(words).capitalize(),
    }
    places = {
        "exercise": f"exercises/{name}/__init__.py",
        "starter": f"exercises/{name}/starter.py",
        "reference": f"solutions/reference/{name}.py",
    }
    found = {}
    for template in sorted((TEMPLATES / kind).glob("*.py.txt")):
        part = template.name.removesuffix(".py.txt")
        text = Template(template.read_text(encoding="utf-8")).substitute(names)
        found[folder / places.get(part, f"solutions/{name}/{part}/{name}.py")] = text
    return found


def _refuse_existing(folder: Path, name: str, files: list[Path]) -> None:
    """Raise `UsageError` if anything would be overwritten, or the exercise already exists."""
    for path in [folder / "exercises" / f"{name}.py", folder / "exercises" / name, *files]:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path.relative_to(folder)} already exists; choose another name or move it away")
