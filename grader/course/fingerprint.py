"""Hashes by which a change is noticed: of all that decides grades, and of what a calibration measured."""

import ast
import hashlib
import json
from pathlib import Path

from grader.course.settings import Settings, read_settings


def hash_of_course(settings: Settings) -> str:
    """What decides grades, in one hash: the exercises, what the course sets for them, and the grader itself.

    Machines that grade one batch must agree in it. Starters, calibrations and looks are no part of it.
    """
    digest = hashlib.blake2b(digest_size=16)
    for root in (settings.folder / "exercises", Path(__file__).resolve().parents[1]):
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


def hash_of_exercise(course: Path, exercise: str) -> str:
    """A hash of the exercise's source and of what the course sets for it: a change of a threshold or of the data makes
    a calibration stale."""
    files = sorted(file for file in (course / "exercises" / exercise).glob("*.py") if file.name != "starter.py")
    digest = hashlib.blake2b(digest_size=8)
    for file in files:
        digest.update(_code_of(file).encode())
    if chosen := read_settings(course).exercises.get(exercise):
        digest.update(json.dumps(chosen, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _code_of(file: Path) -> str:
    """A file's lines without docstrings, comments, blank ones and imports of the face: other words measure nothing
    else, and neither does the namespace that a name is taken from."""
    source = file.read_text(encoding="utf-8")
    words: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            words.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "grader":
            words.update(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = (line for number, line in enumerate(source.splitlines(), 1) if number not in words)
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
