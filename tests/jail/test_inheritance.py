"""However the grader was started, the same submission gets the same points, or none at all as our fault.

Each start inherits something odd to the real command. The submission looks at what has come through to its worker.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.jail

EXERCISE = '''
from grader import Exercise, expect

exercise = Exercise("ordinary", title="An ordinary process", statement="Look around.", names=("oddities",))


@exercise.check(points=4)
def ordinary(student):
    """Runs in an ordinary process."""
    found = student.call("oddities")
    expect(found == [], f"odd here: {found}")
'''
SUBMISSION = '''
import ctypes, locale, os, resource, signal, sys


def oddities():
    """What would be another way where whoever started the grader had a say in it."""
    mask = os.umask(0o022)
    os.umask(mask)
    libc, attributes, stack = ctypes.CDLL(None), ctypes.create_string_buffer(64), ctypes.c_size_t()
    libc.pthread_getattr_default_np(attributes)
    libc.pthread_attr_getstacksize(attributes, ctypes.byref(stack))
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
    raised = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_NPROC")
    odd = [f"{name} {limits[name]}" for name in raised if limits[name][0] != limits[name][1]]
    ignored = [int(n) for n in sorted(signal.valid_signals()) if signal.getsignal(n) == signal.SIG_IGN]
    for name, found, expected in (
        ("umask", mask, 0o022),
        ("ignored", ignored, [signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ]),
        ("blocked", signal.pthread_sigmask(signal.SIG_BLOCK, []), set()),
        ("scheduler", os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR), False),
        ("core", limits["RLIMIT_CORE"], (0, 0)),
        ("stack", limits["RLIMIT_STACK"], (8 << 20, 8 << 20)),
        ("stack of a thread", stack.value, 8 << 20),
        ("encoding", locale.getpreferredencoding(), "utf-8"),
        ("variables", sorted(os.environ), ["CUDA_VISIBLE_DEVICES", "HOME", "LANG", "TMPDIR"]),
    ):
        if found != expected:
            odd.append(f"{name} {found}")
    try:
        os.fstat(9)
        odd.append("descriptor 9")
    except OSError:
        pass
    with open(os.path.join(os.environ["TMPDIR"], "large"), "wb") as file:
        file.write(bytes(8 << 20))
    return odd
'''

ALONE = {
    "SIGCHLD ignored": "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    "signals blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "another personality": "ctypes.CDLL(None).personality(0x8 | 0x40000)",  # that of `setarch linux32 -R`
    "a small stack": "soft(resource.RLIMIT_STACK, 1 << 20)",
}
"""What came through before the launcher set it, or ended with an untrue reason: the launcher knows no level yet."""
AT_ONCE = """
os.umask(0)
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, signal.SIG_IGN)
os.nice(1)
with contextlib.suppress(PermissionError):
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
for name, value in (("AS", 8 << 30), ("CPU", 100), ("DATA", 4 << 30), ("FSIZE", 1 << 20), ("NOFILE", 128)):
    soft(getattr(resource, f"RLIMIT_{name}"), value)
soft(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)[1])
os.environ |= {"LC_ALL": "POSIX", "LD_BIND_NOW": "1", "PYTHONHASHSEED": "5", "MALLOC_ARENA_MAX": "1"}
os.environ["OMP_NUM_THREADS"] = "7"
os.dup2(os.open("/etc/passwd", os.O_RDONLY), 9)
os.close(0)
"""
PREAMBLE = """
import contextlib, ctypes, os, resource, signal, sys

def soft(kind, value):
    resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))

"""
BECOME = "\nos.execv(sys.executable, [sys.executable, '-m', 'grader', *sys.argv[1:]])"

Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def started(tmp_path: Path) -> Start:
    """`grade submit`, by a process that did something odd before it became the grader."""
    (tmp_path / "course" / "exercises" / "ordinary").mkdir(parents=True)
    (tmp_path / "course" / "pyproject.toml").write_text('[tool.grade]\ndevice = "cpu"\n')
    (tmp_path / "course" / "exercises" / "ordinary" / "__init__.py").write_text(EXERCISE)
    (tmp_path / "ordinary.py").write_text(SUBMISSION)
    (tmp_path / "here").mkdir()

    def run(odd: str, *options: object) -> subprocess.CompletedProcess[str]:
        given = [tmp_path / "ordinary.py", "--course", tmp_path / "course", "--format", "json", "--seed", 1, *options]
        return subprocess.run(
            [sys.executable, "-c", PREAMBLE + odd + BECOME, "submit", *map(str, given)],
            cwd=tmp_path / "here",
            env={key: value for key, value in os.environ.items() if not key.startswith("GRADE_")},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.mark.parametrize(
    "odd",
    [
        *(pytest.param(odd, id=name) for name, odd in ALONE.items()),
        pytest.param("os.environ['TMPDIR'] = '.'", id="a relative temporary folder", marks=pytest.mark.isolation),
        pytest.param(AT_ONCE, id="harmless things at once", marks=pytest.mark.isolation),
    ],
)
def test_the_same_points_however_the_grader_was_started(odd, started, isolation):
    result = started(odd)
    assert result.returncode == 0, result.stderr
    grade = json.loads(result.stdout)
    found = [check["message"] for exercise in grade["exercises"] for check in exercise["checks"]]
    assert (grade["points"], grade["isolation"], found) == (4, isolation.level, ["as promised"])


@pytest.mark.isolation
def test_a_closed_umask_closes_what_people_get_and_nothing_else(started, isolation, tmp_path):
    """The report is for its user alone, and workers pass all the same."""
    result = started("os.umask(0o077)", "--output", tmp_path / "report")
    assert result.returncode == 0, result.stderr
    grade = json.loads(result.stdout)
    assert (grade["points"], grade["isolation"]) == (4, isolation.level)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "report", *(tmp_path / "report").iterdir())}
    assert modes == {"report": 0o700, "ordinary.html": 0o600}


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))", "RLIMIT_FSIZE at 1048576 and needs 67108864"),
        ("resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))", "RLIMIT_AS at 536870912 and needs 1073741824"),
        ("resource.setrlimit(resource.RLIMIT_CPU, (30, 30))", "RLIMIT_CPU at 30 and needs"),
        ("resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))", "RLIMIT_NOFILE at 99 and needs"),
        ("os.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')", "the current folder is gone"),
    ],
    ids=["files", "addresses", "processor time", "descriptors", "a folder that is gone"],
)
def test_a_start_that_nothing_right_can_come_of_is_our_fault(odd, said, started):
    """One line names it and what to do, and nothing is graded."""
    result = started(odd)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1), result.stderr
    assert said in result.stderr and "start the grader again" in result.stderr
