"""Convert notebooks, and other formats that a course declares, to Python files next to them.

A format's converter runs in a jailed worker; its answer is checked here before a byte is written. The worker comes from
a separate jail, started for the first such file, so that students' code cannot import the converter's packages.
"""

import ast
import contextlib
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from grader.intake.rejected import Rejected
from grader.intake.spool import hand_over
from grader.jail.handle import JailError, Worker, WorkerEnded
from grader.jail.host import Jail
from grader.jail.shared import messages
from grader.jail.shared.origins import Origin, origin_file
from grader.records.limits import Limits
from grader.records.sanitize import sanitize

if TYPE_CHECKING:
    from grader.course.contributions import Format  # imports torch, which must wait until the fork server was started

_FILES = 20
_SECONDS = 60.0
_SOURCE_BYTES = 2 << 20
_NAME = re.compile(r"[^./\0\\\n][^/\0\\\n]{0,250}\.py")


class Conversion(NamedTuple):
    """The result of converting a submission's files."""

    notes: list[str]
    unreadable: list[str]
    """The files that could not be converted: each named, with the reason."""


def convert(folder: Path, formats: "Sequence[Format]", jail: Jail, limits: Limits) -> Conversion:
    """Convert the files in the staged `folder` and write the results there.

    Raises `JailError`, also where a format's packages are not installed.
    """
    by_suffix = {suffix: format_ for format_ in formats for suffix in format_.suffixes}
    files = [path for path in folder.rglob("*") if path.suffix.lower() in by_suffix and path.is_file()]
    files.sort(key=lambda path: (len(path.parts), path))
    notes: list[str] = []
    unreadable: list[str] = []
    with contextlib.ExitStack() as stack:
        converters: dict[str, _Converter] = {}
        for path in files[:_FILES]:
            name = f"`{sanitize(str(path.relative_to(folder)), 100)}`"
            if path.with_suffix(".py").exists():
                notes.append(f"{name} was ignored: `{sanitize(path.stem, 100)}.py` also exists")
                continue
            format_ = by_suffix[path.suffix.lower()]
            if format_.name not in converters:
                hand_over(folder, jail)
                converters[format_.name] = _Converter(format_, folder, jail, limits)
                stack.callback(converters[format_.name].close)
            try:
                notes += converters[format_.name].convert(path)
            except Rejected as reason:
                notes.append(f"{name} was left out: {reason}")
                unreadable.append(f"{name} cannot be graded: {reason}")
        if len(files) > _FILES:
            notes.append(f"only the first {_FILES} of {len(files)} notebooks and similar files were converted")
    return Conversion(notes, unreadable)


def _imported(format_: "Format", source: str) -> list[str]:
    """The modules that a converter imports at its top, for its fork server to import once. Raises `JailError`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise JailError(f"the format '{format_.name}': {format_.converter}: {error}") from None
    names = [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    return names + [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]


class _Converter:
    """Converts one submission's files of one format, in a worker that is replaced when it dies. Close it."""

    def __init__(self, format_: "Format", folder: Path, jail: Jail, limits: Limits):
        try:
            self._source = format_.converter.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise JailError(f"the format '{format_.name}': {format_.converter} cannot be read: {error}") from None
        self._folder, self._limits = folder, limits
        self._jail = jail.with_packages(format_.packages, _imported(format_, self._source))
        self._deadline = time.monotonic() + _SECONDS
        self._worker: Worker | None = None

    def convert(self, path: Path) -> list[str]:
        """Convert the file at `path` and write the results next to it; return notes. Raises `Rejected`."""
        relative = str(path.relative_to(self._folder))
        answer, data = self._ask(messages.Convert(relative, self._source))
        if answer.error is not None:
            raise Rejected(sanitize(answer.error, 500))
        found = [f"`{sanitize(relative, 100)}`, {sanitize(note, 300)}" for note in answer.notes]
        if sum(file.size for file in answer.files) > min(len(data), self._limits.files_mib << 20):
            raise Rejected("the converted files are too large")
        if not answer.files:
            raise Rejected(
                f"it contains no readable code ({sanitize(answer.notes[0], 300)})" if found else "it contains no code"
            )
        position = 0
        for file in answer.files:
            content = data[position : position + file.size]
            position += file.size
            try:
                self._write(path, file, content)
            except Rejected as reason:
                found.append(str(reason))
        return found

    def _ask(self, request: messages.Convert) -> tuple[messages.Converted, bytes]:
        try:
            if self._worker is None:
                self._worker = self._jail.spawn(self._folder.name, self._limits)
            answer, tensors = self._worker.ask(request, deadline=self._deadline)
        except WorkerEnded as end:
            self._worker = None
            raise Rejected(f"conversion failed: {end.detail}") from None
        if isinstance(answer, messages.Raised) and answer.out_of_memory:
            raise Rejected(f"it could not be read in {self._limits.memory_mib} MiB of memory")
        if isinstance(answer, messages.Raised):
            raise Rejected(f"it cannot be read ({sanitize(f'{answer.type_name}: {answer.message}', 200)})")
        if not isinstance(answer, messages.Converted):
            raise Rejected("it cannot be read")
        return answer, tensors[0].numpy().tobytes() if tensors else b""

    def _write(self, path: Path, file: messages.ConvertedFile, content: bytes) -> None:
        """Write one converted file and the record of where its lines come from. Raises `Rejected`, naming the file."""
        shown = f"`{sanitize(file.name, 100)}`, from `{sanitize(path.name, 100)}`,"
        target = path.with_name(file.name) if _NAME.fullmatch(file.name) else None
        if target is None or len(content) > _SOURCE_BYTES:
            raise Rejected(f"{shown} was left out")
        if target.exists():
            raise Rejected(f"{shown} was ignored: the file already exists")
        origin = Origin(str(path.relative_to(self._folder)), file.parts)
        try:
            Path(origin_file(str(target))).write_bytes(msgspec.json.encode(origin))
            target.write_bytes(content)
        except OSError as error:
            raise Rejected(f"{shown} cannot be written ({error.strerror}) and was left out") from None

    def close(self) -> None:
        """End the worker; the jail stays open for the next submission."""
        if self._worker is not None:
            self._worker.close()
