"""What a stranger hands in, as bytes: folders, files and archives that no student made by accident.

Each ends in an answer that names what was found, in bounded time and memory; nothing of ours is told or touched.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from grader import Exercise, expect
from grader.grading.grading import grade_exercise
from grader.records.limits import Limits

pytestmark = pytest.mark.jail

GOOD = "def quick():\n    return 7\n"
GROWTH_MIB = 400
"""Over a grading of nothing: the few copies of 64 MiB that are in memory at once."""

exercise = Exercise("task", title="A task", statement="Answer.", names=("quick",))


@exercise.check(points=1)
def answers(student):
    """`quick()` is 7."""
    expect(student.call("quick") == 7, "`quick` is wrong")


def seen(folder: Path) -> dict[str, tuple[object, ...]]:
    """What reading may not change: kinds, modes, owners, sizes, links, and when they were changed last."""
    found = {}
    for path in [folder, *(Path(top, name) for top, folders, files in os.walk(folder) for name in folders + files)]:
        status = path.lstat()
        kept = (status.st_mode, status.st_uid, status.st_nlink, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        found[os.fspath(path)] = kept
    return found


MEASURED = """
import re, sys
from pathlib import Path
from grader.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print("peak", re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""


def command(path: object, tmp_path: Path) -> tuple[int, str, str, int]:
    """`grade submit PATH`: its exit code, what it printed, and its highest memory in MiB, without its workers'."""
    (tmp_path / "cwd").mkdir(exist_ok=True)
    result = subprocess.run(
        [sys.executable, "-c", MEASURED, "submit", os.fspath(path), "--exercise", "my_rnn", "--format", "json"],
        cwd=tmp_path / "cwd",
        env={key: value for key, value in os.environ.items() if not key.startswith("GRADE_")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in result.stderr, result.stderr
    *_, peak = re.findall(r"^peak (\d+)$", result.stderr, re.MULTILINE)
    return result.returncode, result.stdout, result.stderr, int(peak) >> 10


# Folders with what is no file in them.


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as named:
        named.bind(os.fspath(path))


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o020666, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("only root makes device files")


def into_itself(path: Path) -> None:
    path.symlink_to(path.parent)


KINDS = {
    "a pipe": (os.mkfifo, "is no regular file"),
    "a socket": (bind, "and was left out"),
    "a device": (device, "and was left out"),
    "a link to a file outside": (lambda path: path.symlink_to("/etc/passwd"), "is a link"),
    "a link to itself": (lambda path: path.symlink_to(path), "is a link"),
    "a link to its folder": (into_itself, "is a link"),
    "a link that leads nowhere": (lambda path: path.symlink_to("nowhere"), "is a link"),
    "a link to the root": (lambda path: path.symlink_to("/"), "is a link"),
}


@pytest.mark.isolation
@pytest.mark.parametrize("where", ["task.py", "data/task.py"])
@pytest.mark.parametrize(("make", "words"), KINDS.values(), ids=KINDS)
def test_what_is_no_file_is_named_and_not_opened_for_long(staged, box, make, words, where):
    """Alone it is the reason why there is nothing to grade, below and at the top; the folder stays as it is."""
    (box / where).parent.mkdir(exist_ok=True)
    make(box / where)
    earlier, started = seen(box), time.monotonic()
    submission, files = staged(box)
    assert time.monotonic() - started < 10
    assert files == {}
    assert "task.py` " in submission.problem
    assert words in submission.problem
    assert "hand in" in submission.problem
    assert seen(box) == earlier


PATHS = {
    "a pipe": (os.mkfifo, "neither a folder nor a file"),
    "a socket": (bind, "neither a folder nor a file"),
    "a device": (device, "neither a folder nor a file"),
    "a link to a file outside": (lambda path: path.symlink_to("/etc/passwd"), "expected a folder"),
    "a link to itself": (lambda path: path.symlink_to(path), "neither a folder nor a file"),
    "a link that leads nowhere": (lambda path: path.symlink_to("nowhere"), "neither a folder nor a file"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "neither a folder nor a file"),
}


@pytest.mark.isolation
@pytest.mark.parametrize("name", ["task.py", "task.zip"])
@pytest.mark.parametrize(("make", "words"), PATHS.values(), ids=PATHS)
def test_a_path_that_is_no_file_is_answered(staged, box, make, words, name):
    """The path that was named is followed where it is a link: it is the word of whoever grades, not the student's."""
    make(box / name)
    submission, files = staged(box / name)
    assert (words in submission.problem, files) == (True, {}), submission.problem


@pytest.mark.isolation
def test_a_hard_link_is_a_file_and_its_other_name_stays(staged, box):
    other = box.parent / "other.py"
    other.write_text(GOOD)
    other.chmod(0o640)
    os.link(other, box / "task.py")
    earlier = seen(box.parent)
    assert staged(box)[1] == {"task.py": GOOD.encode()}
    assert seen(box.parent) == earlier


@pytest.mark.isolation
def test_a_hard_link_to_what_only_root_may_read_is_left_out(staged, box):
    if os.geteuid() != 0:
        pytest.skip("whoever is not root cannot read it either")
    secret = box.parent / "secret.py"
    secret.write_text(GOOD)
    secret.chmod(0o600)
    os.link(secret, box / "more.py")
    (box / "task.py").write_text(GOOD)
    os.chown(box, 1001, 1001)
    submission, files = staged(box)
    assert list(files) == ["task.py"]
    assert submission.notes == ["`more.py` is a link to a file of somebody else and was left out"]


@pytest.mark.isolation
@pytest.mark.parametrize("closed", ["task.py", "data", "."])
def test_what_may_not_be_read_is_named(staged, box, closed):
    """Root reads it all the same; for anybody else it is left out, or the reason."""
    (box / "data").mkdir()
    for name in ("task.py", "data/more.py"):
        (box / name).write_text(GOOD)
    (box / closed).chmod(0)
    readable = os.access(box / closed, os.R_OK)
    try:
        submission, files = staged(box)
    finally:
        (box / closed).chmod(0o700)
    if readable:
        assert (len(files), submission.notes) == (2, [])
    else:
        said = submission.problem or submission.notes[0]
        assert "Permission denied" in said
        assert f"`{Path(box / closed).name}`" in said


@pytest.mark.parametrize(
    "name",
    [b"sub\xff\xfe/task.py", b"a\nb\x1b[31m/task.py", b"x" * 255 + b"/task.py", b"task.py/task.py", b"-rf/task.py"],
)
def test_folders_of_any_name_are_read(staged, zygote, box, name):
    path = box / os.fsdecode(name)
    path.parent.mkdir()
    path.write_text(f"{GOOD}1 / 0\n")
    submission, _ = staged(box)
    result = grade_exercise(submission, exercise, Limits(), zygote, seed=1)
    assert (result.status, result.points, len(result.notes)) == ("graded", 1.0, 1)
    result.notes[0].encode()
    assert "\x1b" not in result.notes[0]


@pytest.mark.parametrize(
    "name",
    ["task.pyc", "task.so", "task.cpython-311-x86_64-linux-gnu.so", "__pycache__/task.cpython-311.pyc", "task.pth"],
)
def test_what_is_compiled_is_never_loaded(staged, zygote, box, name):
    """Alone it is no Python file; beside the source the source counts."""
    (box / name).parent.mkdir(exist_ok=True)
    (box / name).write_bytes(b"\x7fELF" + os.urandom(500))
    assert staged(box)[0].problem is not None
    (box / "task.py").write_text(GOOD)
    assert grade_exercise(staged(box)[0], exercise, Limits(), zygote, seed=1).points == 1.0


# The command, on all of it at once.


@pytest.mark.slow
def test_the_command_answers_in_bounded_memory(box, tmp_path, reference):
    """A folder of everything, and an archive as large as one may be; a small one says what is used without them."""
    (box / "my_rnn.py").write_text(reference)
    code, printed, _, least = command(box, tmp_path)
    assert (code, '"points": 10.0' in printed) == (0, True), printed
    for name, (make, _) in KINDS.items():
        if name != "a device" or os.geteuid() == 0:
            make(box / name)
    with (box / "large.py").open("wb") as file:
        file.truncate(10 << 30)
    (box / "full.bin").write_bytes(os.urandom(60 << 20))
    archive = shutil.make_archive(os.fspath(tmp_path / "ada"), "zip", tempfile.mkdtemp(dir=tmp_path))
    subprocess.run([sys.executable, "-m", "zipfile", "-c", archive, box / "my_rnn.py", box / "full.bin"], check=True)
    for path in (box, archive):
        earlier = seen(Path(path).parent)
        code, printed, told, peak = command(path, tmp_path)
        assert (code, '"points": 10.0' in printed) == (0, True), (printed, told)
        assert peak - least < GROWTH_MIB
        assert seen(Path(path).parent).items() >= {k: v for k, v in earlier.items() if "cwd" not in k}.items()
