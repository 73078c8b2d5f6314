"""`grade batch` as a process that is stopped and killed in the middle: all of it ends, and the same command goes on."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.batch.gradebook import open_gradebook
from tests.batch.warm import (
    WAIT,
    attempts,
    attempts_in,
    command,
    make_class,
    make_course,
    rows_of,
    seen,
    warm_thread,
)

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A course of one small exercise; and a thread that grades with it."""
    with warm_thread():
        yield make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture
def whole(invoke: Run, tmp_path: Path, course: Path) -> Callable[[Path], dict]:
    """Grade a class with a seed, in one go and in this process; the gradebook's rows."""

    def run(folder: Path) -> dict:
        done = invoke(*command(folder, course, tmp_path / "whole", "--seed", 5, "--executor", "warm")[3:])
        assert done.returncode == 0, done.stderr
        return rows_of(tmp_path / "whole")

    return run


def descendants(pid: int) -> set[int]:
    """The processes below one, by /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(
                    (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
                )
            except (OSError, ValueError):
                continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def wait_for(condition: Callable[[], bool], seconds: float = WAIT) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def has_ended(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


MANY = 60


def a_class_of(many: int) -> dict[str, str]:
    """Mostly right and wrong; some are broken, raise or die; a few hang, each for two seconds."""
    rare = {31: "dying", 13: "broken", 17: "raising", 23: "hanging"}
    kinds = {number: [kind for n, kind in rare.items() if number % n == n - 1] for number in range(many)}
    return {
        f"s{number:03}": found[0] if found else "right" if number % 3 else "wrong" for number, found in kinds.items()
    }


def stopped_at(run: list[str], count: Callable[[], int], moment: int, *, by: signal.Signals) -> None:
    """Run a batch and stop it once so many attempts are written: it ends, with all that it started."""
    with subprocess.Popen(
        run,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job would ignore it
    ) as started:
        wait_for(lambda: count() >= moment or started.poll() is not None)
        below = descendants(started.pid)
        if by == signal.SIGINT:
            os.killpg(started.pid, by)  # a terminal's Ctrl-C meets all of them
        else:
            started.send_signal(by)
        _, errors = started.communicate(timeout=WAIT)
    assert started.returncode == (3 if by == signal.SIGINT else -by), errors
    assert by != signal.SIGINT or errors.splitlines()[-1] == "grade: stopped"
    wait_for(lambda: all(has_ended(pid) for pid in below), 20)


def goes_on(run: list[str]) -> None:
    done = subprocess.run(run, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def test_a_batch_stopped_once_and_killed_twice_is_as_one_that_was_not(tmp_path: Path, course: Path, whole):
    """By Ctrl-C, then with -9: the gradebook is the same row by row, nothing is counted twice, no process is left."""
    folder = make_class(tmp_path / "class", a_class_of(MANY))
    moments = sorted(random.sample(range(4, MANY - 20), 3))
    print(f"stopped after {moments}")
    broken_off = tmp_path / "broken-off"
    run = command(folder, course, broken_off, "--seed", 5)
    for moment, by in zip(moments, (signal.SIGINT, signal.SIGKILL, signal.SIGKILL), strict=True):
        stopped_at(run, lambda: attempts(broken_off), moment, by=by)
        assert moment <= attempts(broken_off) < MANY
    goes_on(run)
    expected, found = whole(folder), rows_of(broken_off)
    assert len(expected) == MANY
    assert [seen(row) for row in found.values()] == [seen(row) for row in expected.values()]
    assert attempts(broken_off) == MANY
    assert {row.grade.exercises[0].status for row in found.values()} == {"graded", "error", "crashed", "timeout"}


def test_a_batch_into_postgresql_killed_and_gone_on_with_is_the_same(
    tmp_path: Path, course: Path, postgresql: str, whole, invoke: Run
):
    """The same, smaller, over PostgreSQL, with two slots: as the SQLite file of an uninterrupted run."""
    folder = make_class(tmp_path / "class", a_class_of(24))
    run = [*command(folder, course, tmp_path / "killed", "--seed", 5, "--jobs", 2), "--gradebook", postgresql]
    for moment in sorted(random.sample(range(1, 14), 2)):
        stopped_at(run, lambda: attempts_in(postgresql), moment, by=signal.SIGKILL)
    goes_on(run)
    with open_gradebook(postgresql) as book:
        found = {row.student: row for row in book.rows()}
    expected = whole(folder)
    assert len(expected) == 24
    assert sorted(map(seen, found.values()), key=str) == sorted(map(seen, expected.values()), key=str)
    assert attempts_in(postgresql) == 24
    reported = invoke("export", "csv", "--gradebook", postgresql)
    assert reported.returncode == 0 and len(reported.stdout.splitlines()) == 25
