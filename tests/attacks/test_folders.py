"""Folders that change while they are read, and folders that hold more than anybody hands in."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.jail

DEPTH = 2500
GOOD = "def quick():\n    return 7\n"

CHANGES = {
    "a file into a pipe": "os.mkfifo(new)",
    "a file into a link": "os.symlink(outside + '/0.py', new)",
    "a file that grows": "open(new, 'w').write('x' * (8 << 20))",
    "a folder into a link": "os.symlink(outside, new)",
}
FLIP = """
import contextlib, os, sys, time
target, outside, change = sys.argv[1:]
new, aside = target + ".new", target + ".aside"
while True:
    with contextlib.suppress(OSError):
        exec(change)
    for moves in (((target, aside), (new, target)), ((target, new), (aside, target))):
        for old, name in moves:
            with contextlib.suppress(OSError):
                os.rename(old, name)
        time.sleep(0.002)
    with contextlib.suppress(OSError):
        os.unlink(new)
"""


OF_THE_USER = "a folder into a link"
"""What a link leads to may be root's own: repeated as root and user."""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=name, marks=[pytest.mark.isolation] if name == OF_THE_USER else [])
        for name, change in CHANGES.items()
    ],
)
def test_a_folder_that_changes_meanwhile_shows_nothing_from_elsewhere(staged, box, change):
    """Whatever stands there at the moment is read or left out: what a link leads to is never taken."""
    outside = box.parent / "outside"
    for folder in (outside, box / "sub"):
        folder.mkdir()
        for i in range(400):
            (folder / f"{i}.py").write_text("secret" if folder == outside else GOOD)
    target = box / "sub" if change.startswith("os.symlink(outside,") else box / "sub" / "0.py"
    other = subprocess.Popen([sys.executable, "-c", FLIP, target, outside, change])
    try:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            _, files = staged(box, files_mib=4)
            assert not [name for name, content in files.items() if b"secret" in content]
            assert sum(map(len, files.values())) <= 4 << 20
    finally:
        other.kill()
        other.wait()


def read_bytes() -> int:
    """The bytes that this process has read so far."""
    return int(re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())[1])  # type: ignore[index]


def test_files_of_ten_gigabytes_are_not_read(staged, box):
    """Their size is looked at first: a hundred of them cost no more than one."""
    for i in range(100):
        with (box / f"{i}.py").open("wb") as file:
            file.truncate(10 << 30)
    (box / "task.py").write_text(GOOD)
    earlier = read_bytes()
    submission, files = staged(box)
    assert set(files) == {"task.py"}
    assert "`0.py` is too large" in submission.notes[0]
    assert read_bytes() - earlier < 16 << 20


def test_folders_of_any_depth_are_read_to_a_depth(staged, box, monkeypatch):
    """One in the other: deeper than a path can say, and than Python may recurse."""
    monkeypatch.chdir(box)
    for _ in range(DEPTH):
        Path("d").mkdir()
        os.chdir("d")
    Path("task.py").write_text(GOOD)
    try:
        submission, files = staged(box)
        (box / "task.py").write_text(GOOD)
        assert set(staged(box)[1]) == {"task.py"}
    finally:  # by the way it was made: another takes a minute
        Path("task.py").unlink()
        for _ in range(DEPTH):
            os.chdir("..")
            Path("d").rmdir()
    assert files == {}
    assert "deeper than 16" in submission.problem


@pytest.mark.slow
@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["files", "folders"])
def test_fifty_thousand_entries_are_too_many_and_that_is_told(staged, box, make):
    """Side by side. Neither is the code behind them said not to be there."""
    for i in range(50_500):
        make(box / f"a{i:05}")
    (box / "z").mkdir()
    (box / "z" / "task.py").write_text(GOOD)
    started = time.monotonic()
    submission, files = staged(box)
    assert time.monotonic() - started < 60
    assert len(files) <= 2000
    assert "only the first 50000" in str(submission.problem)
