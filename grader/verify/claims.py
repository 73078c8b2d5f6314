"""The solutions with known grades that a course has, and what each of them says of itself.

A mistake says what it gets wrong in the docstring that opens its file:

    \"\"\"my_rnn.one_step: the tanh is missing.

    Hint: no nonlinearity
    \"\"\"

The first line names the check (or the rule) that must catch it; the words behind `Hint:` must stand in what the student
reads there.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from grader.authoring.exercise import Exercise
from grader.course.calibration import is_reference
from grader.course.loading import Course
from grader.course.settings import CourseError


@dataclass(frozen=True)
class Claim:
    """What a mistake's first lines promise."""

    exercise: str
    check: str
    mistake: str
    hint: str | None


def read_claim(file: Path) -> Claim | None:
    """The claim in a solution's docstring; None for one that makes none."""
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    match = re.match(r"(\w+)\.(\w+): (.+)", doc)
    if match is None:
        return None
    hint = re.search(r"^Hint: (.+)$", doc, re.MULTILINE)
    return Claim(match[1], match[2], match[3], hint[1].strip() if hint else None)


def solutions_of(course: Course) -> Path | None:
    """The course's folder of submissions with known grades, where it has one.

    Raises `CourseError` for a mistake that stands beside the references.
    """
    folder = course.settings.folder / "solutions"
    if not folder.is_dir():
        return None
    for exercise in course.exercises:
        for beside in sorted(file.parent.name for file in folder.glob(f"*/{exercise.id}.py")):
            if not is_reference(beside):
                where = f"solutions/{exercise.id}/{beside}"
                raise CourseError(f"solutions/{beside}: mistakes stand below their exercise; move it to {where}")
    return folder


def solutions_to(course: Course, exercise: Exercise) -> list[Path]:
    """The folders with a solution to an exercise, by name: `reference*/`, which solve several, and those below `<id>/`.

    Raises `CourseError` for a mistake that stands beside the references.
    """
    folder = solutions_of(course)
    if folder is None:
        return []
    files = [*folder.glob(f"reference*/{exercise.id}.py"), *folder.glob(f"{exercise.id}/*/{exercise.id}.py")]
    return sorted((file.parent for file in files), key=lambda path: path.name)


def checks_and_rules(exercise: Exercise) -> list[str]:
    """The names of all that a mistake can fail."""
    return [*(rule.id for rule in exercise.rules), *(check.id for check in exercise.checks)]
