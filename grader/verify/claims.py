"""Finds a course's sample solutions, and parses what each mistake claims.

A mistake describes itself in the docstring at the top of its file:

    \"\"\"my_rnn.one_step: the tanh is missing.

    Hint: no nonlinearity
    First: no nonlinearity where tanh belongs; torch.tanh | nn.Tanh
    Kind: idea
    \"\"\"

The first line names the check or rule that must catch it. The words after `Hint:` must occur in that check's message or
hint. The words after `First:` must occur in what the student reads first about the whole attempt: all groups separated
by semicolons, one alternative of each, separated by bars; case is ignored. `Kind:` says whether the idea of the
exercise is missing, or only its form is wrong. All lines but the first are optional; each continues until a blank line.

A folder named `a+b` is a pair: a submission with the mistakes `a` and `b`, which claims nothing.
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
    """A claim that cannot be parsed: the file's path in the course, the line, and the reason."""

    def __init__(self, file: Path, line: int, problem: str):
        in_course = "/".join(file.parts).rpartition("/solutions/")[2]
        super().__init__(f"solutions/{in_course}, line {line}: {problem}")


@dataclass(frozen=True)
class Claim:
    """What a mistake's docstring claims."""

    exercise: str
    check: str
    mistake: str
    hint: str | None = None
    first: tuple[tuple[str, ...], ...] = ()
    """Groups of alternatives; one of each must occur in what a student reads first."""
    kind: About | None = None

    def missing_first(self, text: str) -> list[str]:
        """Descriptions of the groups of `first` that do not occur in the text."""
        missing = [group for group in self.first if not any(contains(text, words) for words in group)]
        return [" or ".join(f"'{words}'" for words in group) for group in missing]


def contains(text: str, words: str) -> bool:
    """Whether the text contains the words, ignoring case and line breaks."""
    return _normalized(words) in _normalized(text)


def read_claim(file: Path) -> Claim | None:
    """The claim in a solution's docstring; None if there is none.

    Raises `BadClaim` if the file is not Python, and for a line that cannot be parsed.
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
    """The claim of a mistake. Raises `BadClaim` also if there is none, or it names an unknown check."""
    file = folder / f"{exercise.id}.py"
    claim = read_claim(file)
    line = _docstring(file)[1]
    if claim is None:
        raise BadClaim(file, line, 'its first line must read """exercise.check: what is wrong."""')
    if claim.exercise != exercise.id or claim.check not in checks_and_rules(exercise):
        found = f"{claim.exercise}.{claim.check}"
        raise BadClaim(file, line, f"its first line names '{found}', which is not a check or rule of {exercise.id}")
    return claim


def require_python(folder: Path, exercise: Exercise) -> None:
    """Raise `BadClaim` if a solution is not Python."""
    _docstring(folder / f"{exercise.id}.py")


def parts_of(pair: Path) -> tuple[str, ...]:
    """The names of the mistakes in a pair; empty for any other solution."""
    return tuple(pair.name.split("+")) if "+" in pair.name else ()


def solutions_of(course: Course) -> Path | None:
    """The course's folder of sample solutions; None if there is none.

    Raises `CourseError` for a mistake among the references, and for a reference among the mistakes.
    """
    folder = course.settings.folder / "solutions"
    if not folder.is_dir():
        return None
    for exercise in course.exercises:
        for name in sorted(file.parent.name for file in folder.glob(f"{exercise.id}/*/{exercise.id}.py")):
            if is_reference(name):
                where = f"solutions/{exercise.id}/{name}"
                raise CourseError(f"{where}: references belong directly in solutions/; move it to solutions/{name}")
        for misplaced in sorted(file.parent.name for file in folder.glob(f"*/{exercise.id}.py")):
            if not is_reference(misplaced):
                where = f"solutions/{exercise.id}/{misplaced}"
                raise CourseError(f"solutions/{misplaced}: mistakes belong below their exercise; move it to {where}")
    return folder


def solutions_to(course: Course, exercise: Exercise) -> list[Path]:
    """The folders with a solution to an exercise, sorted by name: `reference*/` and `<id>/*/`.

    Raises `CourseError` as `solutions_of` does.
    """
    folder = solutions_of(course)
    if folder is None:
        return []
    files = [*folder.glob(f"reference*/{exercise.id}.py"), *folder.glob(f"{exercise.id}/*/{exercise.id}.py")]
    return sorted((file.parent for file in files), key=lambda path: path.name)


def mistakes_to(course: Course, exercise: Exercise) -> list[Path]:
    """The folders of single mistakes: neither references nor pairs."""
    return [path for path in solutions_to(course, exercise) if not is_reference(path.name) and not parts_of(path)]


def checks_and_rules(exercise: Exercise) -> list[str]:
    """The names of all checks and rules that a mistake can fail."""
    return [*(rule.id for rule in exercise.rules), *(check.id for check in exercise.checks)]


def _docstring(file: Path) -> tuple[str, int]:
    """The docstring of a file, and the line where it begins. Raises `BadClaim`."""
    try:
        body = ast.parse(file.read_bytes()).body
    except SyntaxError as problem:
        raise BadClaim(file, problem.lineno or 1, f"not valid Python: {problem.msg}") from None
    except ValueError as problem:
        raise BadClaim(file, 1, f"not valid Python: {problem}") from None
    match body[:1]:
        case [ast.Expr(ast.Constant(str(doc)), lineno=line)]:
            return doc, line
    return "", 1


def _values(file: Path, doc: str, line: int) -> Mapping[str, tuple[int, str]]:
    """The keys of a docstring that begins in `line`: the line number and the value of each."""
    found: dict[str, tuple[int, str]] = {}
    key = None
    for number, text in enumerate(doc.split("\n")[1:], line + 1):
        match = _KEY.match(text)
        if match is not None:
            key = match[1]
            if key not in _KEYS:
                raise BadClaim(file, number, f"`{key}:` is unknown; there are {', '.join(f'`{k}:`' for k in _KEYS)}")
            if key in found:
                raise BadClaim(file, number, f"`{key}:` occurs twice")
            found[key] = number, (match[2] or "").strip()
        elif _NEARLY.match(text):
            raise BadClaim(
                file, number, f"'{text.strip()}': write `Hint: `, `First: ` or `Kind: `, with a space after it"
            )
        elif not text.strip():
            key = None
        elif key is not None:
            found[key] = found[key][0], f"{found[key][1]} {text.strip()}".strip()
    for key, (number, words) in found.items():
        if not words:
            raise BadClaim(file, number, f"`{key}:` is empty")
    return found


def _group(file: Path, line: int, text: str) -> tuple[str, ...]:
    """The alternatives between two semicolons."""
    words = tuple(choice.strip() for choice in text.split("|"))
    if not all(words):
        raise BadClaim(file, line, "`First:` has nothing between two bars or semicolons")
    return words


def _normalized(text: str) -> str:
    return " ".join(text.casefold().split())
