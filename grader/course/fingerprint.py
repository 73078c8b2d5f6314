"""Hashes that detect changes: in anything that decides grades, and in what a calibration measured."""

import ast
import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from grader.course.settings import Settings, read_settings
from grader.course.syntax import Reader

if TYPE_CHECKING:
    from grader.authoring.exercise import Check, Exercise

GRADER = Path(__file__).resolve().parents[1]


def hash_of_course(settings: Settings) -> str:
    """A hash of everything that decides grades: the exercises, the course's settings for them, and the grader itself.

    It must be the same on all machines that grade one batch. Starters, calibrations and styles are not included.
    """
    digest = hashlib.blake2b(digest_size=16)
    for root in (settings.folder / "exercises", GRADER):
        for file in sorted(root.rglob("*")):
            folders = file.relative_to(root).parts[:-1]
            if not file.is_file() or file.suffix == ".pyc" or {"calibration", "bundled"} & set(folders):
                continue
            if file.name == "starter.py":
                continue
            data = file.read_bytes()
            digest.update(f"{file.relative_to(root).as_posix()}:{len(data)}:".encode())
            digest.update(data)
    chosen = {"limits": settings.limits, "exercises": settings.exercises, "packages": settings.packages}
    digest.update(json.dumps(chosen, sort_keys=True, default=str).encode())
    return digest.hexdigest()


ENGINE: dict[str, tuple[str, ...]] = {
    "jail/inside/training.py": (),
    "learning/policy.py": (
        "PERFECT",
        "train",
        "_trained",
        "_drawn",
        "_train",
        "_chunks",
        "_score",
        "_score_with",
        "_refuse_what_was_known",
    ),
    "learning/answers.py": ("_floating", "_numbers", "_logits", "READ"),
    "authoring/recipe.py": ("Recipe",),
    "authoring/task.py": (
        "LearningTask.loss",
        "LearningTask.every",
        "LearningTask.probe",
        "LearningTask.held_out",
        "LearningTask.method",
        "LearningTask.nothing",
        "LearningTask.beats",
    ),
}
"""The parts of the grader that decide what a training computes and when it stops: definitions by file, or the whole
file if none are named."""
_NOT_MEASURED = ("metric", "best", "half", "zero", "worst", "unusual", "seconds", "setting", "stuck")
"""Fields of a `LearningTask` that do not affect a measured row: score thresholds, texts, and the time limit."""


def hash_of_training(course: Path, exercise: "Exercise", check: "Check") -> str:
    """A hash of what one training of a learning check computes and when it stops, for the exercise as it was loaded.

    It covers the task without its score thresholds, all code that makes its data and scores, the description of
    external data in `Exercise.data`, the course's settings for the exercise, and the training loop. It does not cover
    points, titles, hints, docstrings, other checks, time limits, or file locations."""
    from grader.course.following import Follower

    package = check.run.__module__.partition(".")[0]
    digest = hashlib.blake2b(digest_size=8)
    digest.update(hash_of_engine())
    digest.update(Follower("" if package == "grader" else package, _NOT_MEASURED).text_of(check.task).encode())
    digest.update((exercise.data() if exercise.data is not None else "").encode())
    if chosen := read_settings(course).exercises.get(exercise.id):
        digest.update(json.dumps(chosen, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def hash_of_solution(file: Path) -> str:
    """A hash of a solution's source: its file, the neighbours that it imports, and the other files in its folder.

    Docstrings, comments and other exercises' files are not included.
    """
    texts = {path.relative_to(file.parent).as_posix(): text for path, text in _imported(file).items()}
    for path in sorted(file.parent.rglob("*")):
        if path.is_file() and path.suffix not in (".py", ".pyc", ".md"):
            texts[path.relative_to(file.parent).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashlib.blake2b(json.dumps(texts, sort_keys=True).encode(), digest_size=8).hexdigest()


def _imported(file: Path) -> dict[Path, str]:
    """The source text of a file, and of the neighbours that it imports."""
    found: dict[Path, str] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
            continue
        found[path] = Reader().text(tree)
        for name in sorted(_imports(tree)):
            waiting += [place for place in (file.parent / f"{name}.py",) if place.is_file()]
            waiting += sorted((file.parent / name).rglob("*.py"))
    return found


def _imports(tree: ast.AST) -> set[str]:
    """The top-level names of all imported modules, and the names imported from the file's own folder."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module is None):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@functools.cache
def hash_of_engine(root: Path = GRADER) -> bytes:
    """A hash of the parts of the grader, in this folder, that decide a training."""
    digest = hashlib.blake2b(digest_size=8)
    for name, wanted in ENGINE.items():
        tree = ast.parse((root / name).read_text(encoding="utf-8"))
        for part in [_defined(tree, dotted) for dotted in wanted] or [tree]:
            digest.update(Reader().text(part).encode())
    return digest.digest()


def _defined(tree: ast.Module, dotted: str) -> ast.AST:
    """The definition of a function, class, constant or part of a class. Raises KeyError."""
    node: ast.AST = tree
    for name in dotted.split("."):
        found = [part for part in getattr(node, "body", []) if name in _names_of(part)]
        if len(found) != 1:
            raise KeyError(dotted)
        node = found[0]
    return node


def _names_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
