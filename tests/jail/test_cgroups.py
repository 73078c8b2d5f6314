"""The kernel's own limit on a worker: a control group for each, where this machine lets us make one."""

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.jail import cgroups
from grader.jail.cgroups import Groups
from grader.jail.handle import JailError, Worker, WorkerEnded
from grader.jail.host import Jail
from grader.jail.isolation import measure
from grader.jail.shared import messages
from grader.records.limits import LEVELS, Limits

pytestmark = pytest.mark.isolation

BOMB = "import time; time.sleep(0.2); held = bytearray(200 << 20); print(len(held))"


@pytest.fixture
def groups() -> Groups:
    """Where groups are made here."""
    try:
        return cgroups.find()
    except cgroups.NoGroups as reason:
        pytest.skip(f"no control group can be made: {reason}")


@pytest.fixture
def worker(zygote: Jail, groups: Groups) -> Iterator[Worker]:
    """A ready worker with a submission that is empty."""
    entry = zygote.new_entry()
    entry.chmod(0o755)
    (entry / "task.py").write_text("def fill():\n    return len(bytearray(300 << 20))\n")
    worker = zygote.spawn(entry.name, Limits(memory_mib=500))
    yield worker
    worker.close()


def left(groups: Groups) -> list[Path]:
    """Groups of this process."""
    return [path for folder in groups.folders for path in folder.glob(f"*-{os.getpid()}-*")]


def test_a_process_over_its_limit_is_killed_by_the_kernel_and_that_is_told(groups):
    with subprocess.Popen([sys.executable, "-c", BOMB], stdout=subprocess.DEVNULL) as process:
        group = groups.make(50 << 20, 8)
        group.add(process.pid)
        assert group.holds(process.pid)
        assert process.wait() == -9
    assert group.ran_out_of_memory()
    group.close()
    assert not left(groups)


def test_a_process_within_its_limit_is_left_alone(groups):
    """The control of the test above."""
    with subprocess.Popen([sys.executable, "-c", BOMB], stdout=subprocess.DEVNULL) as process:
        group = groups.make(400 << 20, 8)
        group.add(process.pid)
        assert process.wait() == 0
    assert not group.ran_out_of_memory()
    group.close()


def test_files_in_memory_count(groups):
    """What no watch sees from outside: memory that belongs to a file and is mapped nowhere."""
    code = (
        "import os, time; time.sleep(0.2); f = os.memfd_create('x'); [os.write(f, bytes(1 << 20)) for _ in range(200)]"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        group = groups.make(50 << 20, 8)
        group.add(process.pid)
        assert process.wait() == -9
    assert group.ran_out_of_memory()
    group.close()


def test_the_number_of_processes_is_limited(groups):
    if groups.version == 1 and len(groups.folders) == 1:
        pytest.skip("no pids hierarchy is mounted")
    code = "import os, time; time.sleep(0.2); [os.fork() or time.sleep(1) for _ in range(8)]"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        group = groups.make(400 << 20, 4)
        group.add(process.pid)
        assert "BlockingIOError" in process.communicate()[1]
    time.sleep(1)
    group.close()
    assert not left(groups)


def test_every_worker_is_in_a_group_of_its_own(worker, groups):
    assert worker.group is not None
    assert worker.group.holds(worker.pid())
    memory = worker.group.folders[0]
    limit = int((memory / ("memory.max" if groups.version == 2 else "memory.limit_in_bytes")).read_text())
    assert 500 << 20 < limit < 2000 << 20
    assert set(left(groups)) == set(worker.group.folders)
    worker.close()
    assert not left(groups)


def test_a_worker_that_the_kernel_kills_ran_out_of_memory(worker, groups):
    """The limit is behind the watch's; here it is drawn so close that the kernel comes first."""
    assert worker.group is not None
    memory = worker.group.folders[0]
    limit = memory / ("memory.max" if groups.version == 2 else "memory.limit_in_bytes")
    worker.ask(messages.Load("task", ["fill"], [], None), deadline=time.monotonic() + 20, on_step=lambda _, at: at)
    swap = memory / "memory.memsw.limit_in_bytes"
    for _ in range(50):  # v1 may have to be asked again while it makes room
        try:
            limit.write_text(f"{60 << 20}\n")
        except OSError:
            time.sleep(0.05)
        else:
            break
    assert not swap.exists() or int(swap.read_text()) > mmap.PAGESIZE
    with pytest.raises(WorkerEnded) as ended:
        worker.ask(messages.Call("fill", []), deadline=time.monotonic() + 20)
    assert (ended.value.kind, str(ended.value)) == ("memory", "it used more than 500 MiB")
    assert not left(groups)


def test_what_a_killed_grader_left_is_removed(groups, monkeypatch):
    """After a minute, in which another grader may be about to use it."""
    stale = [folder / "rnn-grader-left-1" for folder in groups.folders]
    for folder in stale:
        folder.mkdir()
    cgroups.find()
    assert all(folder.exists() for folder in stale)
    monkeypatch.setattr(cgroups, "_UNUSED_SECONDS", 0.0)
    cgroups.find()
    assert not any(folder.exists() for folder in stale)


def test_a_worker_that_gets_no_group_is_our_fault(zygote, groups, tmp_path):
    """Where groups were found and one cannot be made after all, no worker serves without."""
    entry = zygote.new_entry()
    entry.chmod(0o755)
    zygote.groups = Groups(groups.version, (tmp_path / "gone",))
    try:
        with pytest.raises(JailError, match="got no control group"):
            zygote.spawn(entry.name, Limits())
    finally:
        zygote.groups = groups


def test_a_group_that_does_not_hold_its_worker_is_noticed(zygote, groups, tmp_path):
    """The level is measured by the kernel's word: folders that only look like groups are none."""
    zygote.groups = Groups(1, (tmp_path,))
    for name in ("memory.limit_in_bytes", "cgroup.procs"):
        (tmp_path / name).touch()
    try:
        with pytest.raises(JailError, match="the control group should hold and does not"):
            measure(zygote)
    finally:
        zygote.groups = groups


def test_the_level_says_whether_there_are_groups(isolation, zygote):
    """`full` asks for one; without, the reason is kept."""
    if zygote.groups is None:
        assert isolation.level != "full"
        assert "no control group can be made (" in isolation.missing_for("full")
    else:
        assert isolation.probes["memory limit"] == f"cgroup v{zygote.groups.version}"
        assert isolation.level == "full" or LEVELS.index(isolation.level) < LEVELS.index("strong")
