"""Attacks, one small submission each: how they are graded in the jail, and what they do without it.

A row of the catalogue is a file `<category>/<row>.py`. It is handed in for the exercise below, beside a file `world.py`
that tells it what an attacker might have guessed: where the host's files, listeners and processes are.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from grader import Exercise, expect
from grader.grading.grading import grade_exercise
from grader.intake.staging import Submission, stage, unstage
from grader.jail.handle import remove_tree
from grader.jail.host import Jail
from grader.records.grade import ExerciseGrade
from grader.records.limits import Limits

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Make the fixtures of these files known as well: no file of a test can import another."""
    for name in ("house", "shown"):
        spec = importlib.util.spec_from_file_location(f"attacks_{name}", HERE / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module.__name__] = module
        spec.loader.exec_module(module)
        config.pluginmanager.register(module)


def task(said: list[list[str]]) -> Exercise:
    """The exercise: an answer, the attack, the answer again. What the attack says it could do goes into `said`."""
    exercise = Exercise("task", title="A task", statement="Answer.", names=("quick", "attack"))

    @exercise.check(points=1)
    def before(student):
        """An answer before the attack."""
        expect(student.call("quick") == 7, "`quick` is wrong")

    @exercise.check(points=2)
    def during(student):
        """The attack, which says what it could do."""
        done = student.call("attack")
        expect(isinstance(done, list) and all(isinstance(way, str) for way in done), f"`attack` returned {done!r}")
        said.append(done)

    @exercise.check(points=4)
    def after(student):
        """An answer after the attack."""
        expect(student.call("quick") == 7, "`quick` is wrong")

    return exercise


@dataclass(frozen=True)
class World:
    """The host as attacks find it; all of it in a folder that everybody may pass and write."""

    folder: str
    file: str
    """A file that everybody may read and write; it says `kept`."""
    socket: str
    """A listener with a name, that everybody may connect to."""
    port: int
    """A listener on 127.0.0.1."""
    pid: int
    """The process that judges."""
    zygote: int
    """The launcher of the zygote."""
    neighbour: str
    """Another submission in the spool."""


@dataclass(frozen=True)
class Result:
    """An attack's grade, what it says it could do (None: nothing was said), and how long that took."""

    grade: ExerciseGrade
    done: list[str] | None
    seconds: float

    @property
    def spoiled_nothing(self) -> bool:
        """Whether it was graded like any other: all points, no flag, no note."""
        return (self.grade.points, self.grade.status, self.grade.flags, self.grade.notes) == (7.0, "graded", [], [])


@pytest.fixture
def world(zygote: Jail) -> Iterator[World]:
    """A small host. What it looks like afterwards is for the tests to see, as `unchanged` does."""
    zygote.ready()
    folder = Path(tempfile.mkdtemp(prefix="world-", dir="/tmp"))
    neighbour = zygote.new_entry()
    (neighbour / "task.py").write_text("SECRET = 'a neighbour'\n")
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as named:
        folder.chmod(0o777)
        file = folder / "file"
        file.write_text("kept")
        file.chmod(0o666)
        named.bind(str(folder / "socket"))
        named.listen()
        (folder / "socket").chmod(0o777)
        for listening in (listener, named):
            listening.setblocking(False)
        made = World(
            folder=str(folder),
            file=str(file),
            socket=str(folder / "socket"),
            port=listener.getsockname()[1],
            pid=os.getpid(),
            zygote=zygote.server.launcher.pid,
            neighbour=str(neighbour / "task.py"),
        )
        try:
            yield made
            for listening in (listener, named):
                with pytest.raises(BlockingIOError):  # nobody connected
                    listening.accept()
        finally:
            shutil.rmtree(folder)
            shutil.rmtree(neighbour)


def seen(world: World) -> tuple[object, ...]:
    """What a change of the world would change: contents, modes, owners, times of change, names."""
    file = Path(world.file)
    status = file.stat()
    names = sorted(path.name for path in Path(world.folder).iterdir())
    return (file.read_text(), status.st_mode, status.st_uid, status.st_mtime_ns, status.st_ctime_ns, names)


@pytest.fixture
def unchanged(world: World) -> Iterator[None]:
    """The world is what it was, whatever was tried."""
    earlier = seen(world)
    yield
    assert seen(world) == earlier


def write_submission(folder: Path, row: str, world: World) -> Path:
    """Copy a row's file, with what it is told of the world beside it."""
    folder.mkdir()
    shutil.copyfile(HERE / f"{row}.py", folder / "task.py")
    constants = [f"{field.name} = {getattr(world, field.name)!r}\n" for field in fields(world)]
    (folder / "world.py").write_text("".join(constants))
    return folder


@pytest.fixture
def attack(zygote: Jail, world: World, tmp_path: Path) -> Callable[..., Result]:
    """Grade a row, such as `reach/f1_hidden_files`. Further arguments are `Limits`; by default it has five seconds."""

    def run(row: str, *, given: Jail | None = None, **overrides: float) -> Result:
        limits = Limits(**{"seconds": 5, "top_level_seconds": 1, "memory_mib": 300, **overrides})  # type: ignore[arg-type]
        folder = write_submission(Path(tempfile.mkdtemp(dir=tmp_path), "ada"), row, world)
        staged = stage(folder, given or zygote, limits)
        said: list[list[str]] = []
        started = time.monotonic()
        try:
            grade = grade_exercise(staged, task(said), limits, given or zygote, seed=1)
        finally:
            unstage(staged, given or zygote)
        return Result(grade, said[-1] if said else None, time.monotonic() - started)

    return run


CONTROL = (
    "import json, sys; sys.path.insert(0, '.'); import task; assert task.quick() == 7; print(json.dumps(task.attack()))"
)


@pytest.fixture
def control(world: World, tmp_path: Path) -> Callable[[str], list[str]]:
    """What a row can do in an ordinary process: that the jail's tests can fail. For harmless rows only."""

    def run(row: str) -> list[str]:
        folder = write_submission(Path(tempfile.mkdtemp(dir=tmp_path), "ada"), row, world)
        scratch = {"TMPDIR": tempfile.mkdtemp(dir=tmp_path), "PATH": os.environ["PATH"]}
        result = subprocess.run(
            [sys.executable, "-c", CONTROL], cwd=folder, env=scratch, capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 0, result.stderr
        return list(json.loads(result.stdout.splitlines()[-1]))

    return run


@pytest.fixture
def box() -> Iterator[Path]:
    """A folder `ada` below a short path, with room beside it; removed however deep it has become."""
    aside = Path(tempfile.mkdtemp(prefix="bytes-", dir="/tmp"))
    (aside / "ada").mkdir()
    try:
        yield aside / "ada"
    finally:
        remove_tree(aside)


@pytest.fixture
def staged(zygote) -> Iterator[Callable[..., tuple[Submission, dict[str, bytes]]]]:
    """Stage a path for real; the submission, and what lies in the spool as {path: bytes}."""
    made: list[Submission] = []

    def run(path: Path, **limits: float) -> tuple[Submission, dict[str, bytes]]:
        submission = stage(path, zygote, Limits(**limits))  # type: ignore[arg-type]
        made.append(submission)
        found = list((zygote.spool / submission.entry).rglob("*"))
        assert not [file for file in found if file.is_symlink() or not (file.is_file() or file.is_dir())]
        folder = zygote.spool / submission.entry
        return submission, {os.fspath(f.relative_to(folder)): f.read_bytes() for f in found if f.is_file()}

    yield run
    for submission in made:
        unstage(submission, zygote)
