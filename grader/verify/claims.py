"""The solutions with known grades that a course has, and what each of them says of itself.

A mistake says what it gets wrong in the docstring that opens its file:

    \"\"\"my_rnn.one_step: the tanh is missing.

    Hint: no nonlinearity
    First: no nonlinearity where tanh belongs; torch.tanh | nn.Tanh
    Kind: idea
    \"\"\"

The first line names the check (or the rule) that must catch it; the words behind `Hint:` must stand in what the student
reads there. `First:` is for what a student reads first of the whole attempt: groups between semicolons, which must all
stand there, each a choice of words between bars; case does not count. `Kind:` says that the idea of the exercise is
missing, or that only its form is. All but the first line may be left out; a line goes on until a blank one.

A folder called `a+b` is a pair: a submission with the mistakes `a` and `b`, which says nothing of itself.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from grader.authoring.exercise import About, Exercise
from grader.course.calibration import is_reference
from grader.course.loading import Course
from grader.course.settings import CourseError

_KEYS = ("Hint", "First", "Kind")
_NEARLY = re.compile(r"\s*(?:hint|first|kind)\s*:", re.IGNORECASE)
_KEY = re.compile(r"\s*([A-Za-z]+):(?:\s+(.*))?$")


class BadClaim(CourseError):
    """What an author's file says of itself cannot be read: its path in the course, the line, and why."""

    def __init__(self, file: Path, line: int, problem: str):
        in_course = "/".join(file.parts).rpartition("/solutions/")[2]
        super().__init__(f"solutions/{in_course}, line {line}: {problem}")


@dataclass(frozen=True)
class Claim:
    """What a mistake's first lines promise."""

    exercise: str
    check: str
    mistake: str
    hint: str | None = None
    first: tuple[tuple[str, ...], ...] = ()
    """What must stand in what is read first: one of the words of each group."""
    kind: About | None = None

    def not_said_first(self, text: str) -> list[str]:
        """The groups of `first` of which a text says nothing, in words."""
        missing = [group for group in self.first if not any(says(text, words) for words in group)]
        return [" or ".join(f"'{words}'" for words in group) for group in missing]


def says(text: str, words: str) -> bool:
    """Whether words stand in a text, whatever the case and wherever lines break."""
    return _plain(words) in _plain(text)


def read_claim(file: Path) -> Claim | None:
    """The claim in a solution's docstring; None for one that makes none.

    Raises `BadClaim` for a file that is no Python, and for a line that cannot be read.
    """
    doc, line = _docstring(file)
    match = re.match(r"\s*(\w+)\.(\w+): (.+)", doc)
    if match is None:
        return None
    values = _values(file, doc, line)
    hint, first, kind = (values.get(key, (line, "")) for key in _KEYS)
    kinds = {name: name for name in get_args(About)}
    if "Kind" in values and kind[1] not in kinds:
        raise BadClaim(file, kind[0], f"`Kind:` is '{kind[1]}', expected {' or '.join(kinds)}")
    groups = tuple(_group(file, first[0], group) for group in first[1].split(";")) if "First" in values else ()
    return Claim(match[1], match[2], match[3], hint[1] or None, groups, kinds.get(kind[1]))


def claim_of(folder: Path, exercise: Exercise) -> Claim:
    """The claim of a mistake. Raises `BadClaim`, also where it makes none or names no check of the exercise."""
    file = folder / f"{exercise.id}.py"
    claim = read_claim(file)
    line = _docstring(file)[1]
    if claim is None:
        raise BadClaim(file, line, 'its first line must read """exercise.check: the mistake in words."""')
    if claim.exercise != exercise.id or claim.check not in checks_and_rules(exercise):
        found = f"{claim.exercise}.{claim.check}"
        raise BadClaim(file, line, f"its first line names '{found}', which is no check or rule of {exercise.id}")
    return claim


def look_at(folder: Path, exercise: Exercise) -> None:
    """Raise `BadClaim` where a solution is no Python."""
    _docstring(folder / f"{exercise.id}.py")


def parts_of(pair: Path) -> tuple[str, ...]:
    """The names of the mistakes that a pair is made of; none for any other solution."""
    return tuple(pair.name.split("+")) if "+" in pair.name else ()


def solutions_of(course: Course) -> Path | None:
    """The course's folder of submissions with known grades, where it has one.

    Raises `CourseError` for a mistake that stands beside the references, and a reference among the mistakes.
    """
    folder = course.settings.folder / "solutions"
    if not folder.is_dir():
        return None
    for exercise in course.exercises:
        for name in sorted(file.parent.name for file in folder.glob(f"{exercise.id}/*/{exercise.id}.py")):
            if is_reference(name):
                where = f"solutions/{exercise.id}/{name}"
                raise CourseError(f"{where}: references stand above the exercises; move it to solutions/{name}")
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


def mistakes_to(course: Course, exercise: Exercise) -> list[Path]:
    """The folders with one mistake each: neither references nor pairs."""
    return [path for path in solutions_to(course, exercise) if not is_reference(path.name) and not parts_of(path)]


def checks_and_rules(exercise: Exercise) -> list[str]:
    """The names of all that a mistake can fail."""
    return [*(rule.id for rule in exercise.rules), *(check.id for check in exercise.checks)]


def _docstring(file: Path) -> tuple[str, int]:
    """The docstring of a file, and the line in which it begins. Raises `BadClaim`."""
    try:
        body = ast.parse(file.read_bytes()).body
    except SyntaxError as problem:
        raise BadClaim(file, problem.lineno or 1, f"this is no Python: {problem.msg}") from None
    except ValueError as problem:
        raise BadClaim(file, 1, f"this is no Python: {problem}") from None
    match body[:1]:
        case [ast.Expr(ast.Constant(str(doc)), lineno=line)]:
            return doc, line
    return "", 1


def _values(file: Path, doc: str, line: int) -> Mapping[str, tuple[int, str]]:
    """What stands behind the keys of a docstring that begins in `line`: the line of each, and its words."""
    found: dict[str, tuple[int, str]] = {}
    key = None
    for number, text in enumerate(doc.split("\n")[1:], line + 1):
        match = _KEY.match(text)
        if match is not None:
            key = match[1]
            if key not in _KEYS:
                raise BadClaim(file, number, f"`{key}:` is unknown; there are {', '.join(f'`{k}:`' for k in _KEYS)}")
            if key in found:
                raise BadClaim(file, number, f"`{key}:` is there twice")
            found[key] = number, (match[2] or "").strip()
        elif _NEARLY.match(text):
            raise BadClaim(
                file, number, f"'{text.strip()}': write `Hint: `, `First: ` or `Kind: `, with a blank after it"
            )
        elif not text.strip():
            key = None
        elif key is not None:
            found[key] = found[key][0], f"{found[key][1]} {text.strip()}".strip()
    for key, (number, words) in found.items():
        if not words:
            raise BadClaim(file, number, f"`{key}:` says nothing")
    return found


def _group(file: Path, line: int, text: str) -> tuple[str, ...]:
    """The words between semicolons, of which one must be said."""
    words = tuple(choice.strip() for choice in text.split("|"))
    if not all(words):
        raise BadClaim(file, line, "`First:` has nothing between two bars or semicolons")
    return words


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
