"""What a grading knows and a submission must not: markers are planted, and a submission hunts for them."""

import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader import Exercise
from grader.grading.grading import grade_exercise
from grader.intake.staging import stage, unstage
from grader.jail.host import Jail
from grader.jail.view import worker_view
from grader.plugin import ExerciseGrade
from grader.records.limits import Limits

pytestmark = pytest.mark.jail

PLACES = ("environment", "course", "beside", "arguments", "other", "memory")

HUNTER = r'''
"""Look for planted markers everywhere a program can look, and say where they were found."""
import ctypes
import gc
import os
import re
import stat
import sys

PLANTED = re.compile(b"PLANTED-" + b"([a-z]+)-[0-9a-f]{32}")
LARGEST = 4 << 20


def hunt(roots, since):
    """Places -> markers; and how many things were looked at. Files unchanged since before the planting hold none."""
    found, seen = set(), {}

    def look(where, data):
        seen[where.partition(" ")[0]] = seen.get(where.partition(" ")[0], 0) + 1
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        for match in PLANTED.finditer(data):
            found.add(where + ": " + match.group(1).decode())

    for name, value in os.environ.items():
        look("environ", name + "=" + value)
    stack(look)
    objects(look)
    descriptors(look)
    files(look, roots, since)
    return sorted(found), sorted(seen.items())


def stack(look):
    """What the kernel put above the stack at the start: arguments and environment, cleared or not."""
    libc = ctypes.CDLL(None)
    libc.getauxval.restype = ctypes.c_ulong
    libc.getauxval.argtypes = [ctypes.c_ulong]
    begin = ctypes.c_void_p.in_dll(libc, "__libc_stack_end").value
    program = libc.getauxval(31)  # the program's file name, above all else
    look("stack", ctypes.string_at(begin, program - begin + 256 if program % 4096 < 3800 else program - begin))
    block = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    index = 0
    while block and block[index]:
        look("block", block[index])
        index += 1


def objects(look):
    """Every text that a container reachable from here holds, those hidden by `gc.freeze` too."""
    gc.unfreeze()
    done = set()
    queue = gc.get_objects()
    queue += [vars(module) for module in list(sys.modules.values()) if hasattr(module, "__dict__")]
    own = {id(queue), id(done)}
    while queue:
        thing = queue.pop()
        if id(thing) in done or id(thing) in own:
            continue
        done.add(id(thing))
        kind = type(thing)
        if kind in (str, bytes, bytearray):
            look("objects", thing)
        elif kind is not int and kind is not float:
            queue += gc.get_referents(thing)


def descriptors(look):
    for number in range(256):
        try:
            os.set_blocking(number, False)
        except OSError:
            continue
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            look("channel", b"")
        try:
            look("descriptor " + str(number), os.readlink("/proc/self/fd/" + str(number)))
        except OSError:
            pass
        for read in (lambda: os.read(number, LARGEST), lambda: os.pread(number, LARGEST, 0)):
            try:
                look("descriptor " + str(number), read())
            except OSError:
                pass
        os.set_blocking(number, True)


def files(look, roots, since):
    """Files by name, below the roots and wherever something of interest may lie."""
    here = os.path.dirname(os.path.abspath(__file__))
    parents = [here]
    while parents[-1] != os.path.dirname(parents[-1]):
        parents.append(os.path.dirname(parents[-1]))
    processes = [f"/proc/{p}" for p in ("self", "thread-self", 1, os.getpid(), os.getppid())]
    single = [p + "/" + n for p in processes for n in ("environ", "cmdline", "maps", "mountinfo", "comm", "status")]
    single += [f"{p}/{s}/{n}" for p in processes for s in ("cwd", "root") for n in ("pyproject.toml", "notes.txt")]
    single += [os.path.join(root, "") + n for root in parents for n in ("pyproject.toml", "canary", "zygote.log")]
    single += [f"{spool}/{n:06d}/task.py" for spool in (os.path.dirname(here), "/spool") for n in range(1, 50)]
    for path in single:
        read(look, path)
    seen = set()
    own = [sys.prefix, os.environ.get("TMPDIR", "/tmp"), os.path.dirname(os.__file__)]
    for root in [*roots, *parents, *sys.path, *own, "/tmp", "/dev/shm", "/root", "/home"]:
        walk(look, root or ".", since, seen)


def walk(look, root, since, seen):
    queue = [root]
    while queue:
        folder = queue.pop()
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen or folder.startswith(("/proc", "/sys")):
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            look("name", entry.path)
            try:
                if entry.is_dir(follow_symlinks=False):
                    queue.append(entry.path)
                elif entry.is_symlink():
                    look("link", os.readlink(entry.path))
                elif entry.is_file() and entry.stat().st_ctime >= since:
                    read(look, entry.path)
            except OSError:
                continue


def read(look, path):
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            look("file " + path, os.read(descriptor, LARGEST))
    except OSError:
        pass
    finally:
        os.close(descriptor)
'''

COURSE = '''
"""Answer."""
from grader import Exercise, Unmet

ANSWER = "{course}"
exercise = Exercise("task", title="A task", statement=__doc__, names=("answer", "hunt"))


@exercise.check(points=1)
def right(student):
    """The answer is right."""
    if student.call("answer") != ANSWER:
        raise Unmet("`answer` is wrong")


@exercise.check(points=1)
def hunted(student):
    """Nothing is found."""
    found, seen = student.call("hunt", ["/"], {since})
    raise Unmet(f"hunt: {{found}} in {{dict(seen)}} (end)")
'''


@dataclass(frozen=True)
class World:
    """A course and two submissions with markers in them."""

    course: Path
    ada: Path
    bob: Path
    exercise: Exercise
    environment: str
    memory: str


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Markers in the places of a grading, on top of what a course and a submission need."""
    markers = {place: f"PLANTED-{place}-{secrets.token_hex(16)}" for place in PLACES}
    course, inbox = tmp_path / "course", tmp_path / markers["arguments"]
    (course / "exercises" / "task").mkdir(parents=True)
    (course / "pyproject.toml").write_text("[tool.grade.limits]\nseconds = 40\nmemory_mib = 1000\n")
    source = COURSE.format(since=time.time() - 5, course=markers["course"])
    (course / "exercises" / "task" / "__init__.py").write_text(source)
    for folder in (course, tmp_path):
        (folder / "notes.txt").write_text(markers["beside"])
    for name, text in (("ada", HUNTER + "\n\ndef answer():\n    return 1\n"), ("bob", f"# {markers['other']}\n")):
        (inbox / name).mkdir(parents=True)
        (inbox / name / "task.py").write_text(text)
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    return World(course, inbox / "ada", inbox / "bob", namespace["exercise"], markers["environment"], markers["memory"])


@pytest.fixture
def grade_beside(zygote: Jail) -> Callable[..., ExerciseGrade]:
    """Grade the first of these submissions while the others are staged too."""

    def run(exercise: Exercise, *paths: Path) -> ExerciseGrade:
        limits = Limits(seconds=40, memory_mib=1000)
        staged = [stage(path, zygote, limits) for path in paths]
        try:
            return grade_exercise(staged[0], exercise, limits, zygote, seed=1)
        finally:
            for submission in staged:
                unstage(submission, zygote)

    return run


def findings(message: str) -> tuple[str, dict[str, int]]:
    """What the hunter found, and how many things of each kind it looked at."""
    match = re.fullmatch(r"hunt: \[(.*)\] in \{(.*)\} \(end\)", message, re.DOTALL)
    assert match, message
    return match[1], {name: int(count) for name, count in re.findall(r"'(\w+)': (\d+)", match[2])}


@pytest.mark.isolation
def test_a_hunter_finds_nothing_of_the_grading(world, cli, tmp_path):
    """Course, answers, environment, arguments and neighbours of a grading are nowhere in a worker, nor in a report."""
    output = world.ada.parent / "out"
    environment = {"SECRET": world.environment, "GRADE_COURSE": str(world.course)}
    result = cli("submit", world.ada, "--format", "json", "--output", output, env=environment)
    assert result.returncode == 0, result.stderr
    checks = json.loads(result.stdout)["exercises"][0]["checks"]
    assert [check["status"] for check in checks] == ["failed", "failed"], checks
    found, seen = findings(checks[1]["message"])
    assert found == ""
    assert looked_everywhere(seen), seen
    page = next(output.glob("*.html")).read_text()
    for text in (result.stdout, result.stderr, page):
        assert "PLANTED" not in text
        assert str(tmp_path) not in text


@pytest.mark.isolation
def test_a_hunter_finds_nothing_of_its_neighbours(world, grade_beside, monkeypatch):
    """With another submission staged beside it and a marker in the host's memory, a worker finds neither."""
    monkeypatch.setenv("SECRET_OF_THE_HOST", world.memory)
    grade = grade_beside(world.exercise, world.ada, world.bob)
    found, seen = findings(grade.checks[1].message)
    assert found == ""
    assert looked_everywhere(seen), seen


def looked_everywhere(seen: dict[str, int]) -> bool:
    """Whether a hunt in the jail was no empty one: it saw objects, the stack, file names and its own channel."""
    return seen["objects"] > 50_000 and seen["name"] > 1000 and seen["stack"] == seen["channel"] == 1


def test_the_hunter_can_find(world):
    """The control: outside the jail the same hunter finds the marker in every place."""
    code = (
        "import importlib.util, json, sys\n"
        "spec = importlib.util.spec_from_file_location('task', sys.argv[1])\n"
        "task = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(task)\n"
        "kept = {'deep': [('memory', 'PLANTED-memory-' + '0' * 32)]}\n"
        "walk = task.walk\n"
        "task.walk = lambda look, root, *rest: root == sys.argv[2] and walk(look, root, *rest)\n"
        "print(json.dumps(task.hunt([sys.argv[2]], float(sys.argv[3]))))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, world.ada / "task.py", world.course.parent, str(time.time() - 60)],
        env={"SECRET": world.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    found, _ = json.loads(result.stdout)
    where = {(place, text.rpartition(": ")[2]) for text in found for place in [re.split(r"[ :]", text)[0]]}
    assert {("environ", "environment"), ("stack", "environment"), ("block", "environment")} <= where
    assert {("stack", "arguments"), ("name", "arguments"), ("objects", "memory")} <= where
    assert {("file", "environment"), ("file", "course"), ("file", "beside"), ("file", "other")} <= where


ROOMS = """
import sys

def answer():
    return ""

def hunt(*_):
    missing = []
    ours = ("grader.records.grade", "grader.course.loading", "grader.grading.student", "grader.jail.host", "grader.cli")
    for name in (*ours, "click"):
        try:
            __import__(name)
        except (ImportError, OSError):
            missing.append(name)
    return [sorted(name for name in LOADED if name.partition(".")[0] == "grader"), [("missing", len(missing))]]

LOADED = set(sys.modules)
"""


@pytest.mark.isolation
def test_a_worker_holds_the_jail_and_no_other_room(world, grade_beside):
    """Of the grader, exactly the jail's own modules are in a worker's memory, and no other can be imported."""
    (world.ada / "task.py").write_text(ROOMS)
    grade = grade_beside(world.exercise, world.ada)
    names, seen = findings(grade.checks[1].message)
    view = worker_view()
    package = f"{view.package_root}/grader/"
    opened = [Path(path) for path in view.readable if path.startswith(package)]
    files = [file for path in opened for file in (path.rglob("*.py") if path.is_dir() else [path])]
    parts = [file.relative_to(view.package_root).with_suffix("").parts for file in files]
    rooms = {".".join(part for part in path if part != "__init__") for path in parts}
    assert len(rooms) > 10
    assert set(names.replace("'", "").split(", ")) == rooms
    assert seen == {"missing": 6}


@pytest.mark.isolation
def test_the_lists_that_names_come_from_are_out_of_reach(grade, submission):
    """Neither imported nor read: they hold the names that are held out."""
    import faker

    source = f"""
import pathlib
from torch import nn

def tried(action):
    try:
        return f"reached: {{action()}}"
    except (ImportError, OSError) as error:
        return type(error).__name__

class MyRNN(nn.Module):
    def __init__(self, *sizes):
        folder = pathlib.Path({str(Path(faker.__file__).parent)!r})
        found = [tried(lambda: __import__("faker")), tried(lambda: (folder / "__init__.py").read_text())]
        raise ValueError(" ".join(found))
"""
    (exercise,) = grade(submission({"my_rnn.py": source})).exercises
    assert "ModuleNotFoundError" in exercise.message
    assert "reached" not in exercise.message
