"""Attacks that reach for what is not theirs: files, processes, the network, the kernel."""

import os
import platform
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from grader.jail.host import Jail

pytestmark = pytest.mark.jail


def descendants(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def state(pid: int) -> tuple[object, ...]:
    """What others could change of a process: its name, priority and processors, and whether it goes on."""
    name, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    goes_on = fields.split()[0] not in "TtZX"
    return goes_on, name, os.getpriority(os.PRIO_PROCESS, pid), os.sched_getscheduler(pid), os.sched_getaffinity(pid)


@pytest.fixture
def untouched(zygote: Jail, world, unchanged: None) -> Iterator[None]:
    """The host is what it was: its files, the judge and the zygote, with no file and no process more."""
    zygote.ready()
    processes = [os.getpid(), *descendants(zygote.server.launcher.pid)]
    before = [state(pid) for pid in processes]
    package = Path(torch.__file__).parent
    places = ["/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", "/root", tempfile.gettempdir(), zygote.spool]
    places += [package, package.parent, Path(os.__file__).parent]
    yield
    assert [os.getpid(), *descendants(zygote.server.launcher.pid)] == processes
    assert [state(pid) for pid in processes] == before
    assert all(goes_on for goes_on, *_ in before)
    mark = f"made-by-an-attack-{Path(world.folder).name}*"
    assert not [file for place in places if os.access(place, os.R_OK) for file in Path(place).glob(mark)]
    assert not list(zygote.folder.glob("scratch-*"))


@dataclass(frozen=True)
class Row:
    """What a file of `reach/` can do: in the jail at either level, and in an ordinary process."""

    name: str
    strong: tuple[str, ...] = ()
    basic: tuple[str, ...] | None = None
    """None: the same as `strong`."""
    control: tuple[str, ...] = ()
    """What works in any ordinary process; of the rest, machines allow some. Empty: not tried, as it does harm."""


METADATA = ("size", "access", "path", "folder", "file system", "attributes", "process")
CHANGED = (
    "mode", "mode by folder", "mode of the folder", "owner", "owner by folder", "owner, lchown", "times",
    "times, utime", "times, utimes", "times by folder", "own mode", "own mode, open", "own times", "own times, open",
    "own folder",
)  # fmt: skip
WRITTEN = (
    "write", "append", "update", "truncate", "open and cut", "make", "make a folder", "make a pipe", "remove",
    "remove the socket", "remove a folder",
)  # fmt: skip
OWN_LINKS = ("link self", "link self/exe", "link self/cwd", "link self/root", "link self/fd/3", "link self/ns/pid")
PROGRAMS = ("fork", "terminal", "shell", "popen", "subprocess", "spawn", "spawnv", "multiprocessing", "exec", "clone")
ASKED = ("group", "session", "processors", "class", "priority", "time")
OWN_PROCESS = ("be dumped", "be called python", "take orphans", "keep capabilities")
STARTED_WITH = (
    "CUDA_VISIBLE_DEVICES", "PYTORCH_NVML_BASED_CUDA_CHECK", "LANG", "TMPDIR", "HOME", "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY",
)  # fmt: skip

ROWS = (
    Row("f1_hidden_files", control=("open", "list", "relative", "from above", "reopened", "openat2", "numpy")),
    Row("f2_neighbours", control=("neighbour", "its folder", "spool", "guessed", "grader's folder", "grader's log")),
    # not covered by Landlock
    Row("f3_metadata_seen", basic=METADATA, control=METADATA),
    Row("f4_metadata_changed", control=CHANGED),
    Row("f5_files_changed", control=WRITTEN),
    Row("f6_new_files", strong=("scratch", "scratch.py", "scratch.pth")),
    Row("f7_links", control=("link there", "symlink", "symlink to the root", "read", "read from the root", "pipe")),
    Row("f8_accounts", control=("/etc/passwd", "settings", "root", "password entry")),
    Row("f12_own_proc", basic=OWN_LINKS, control=("self/maps", "self/environ", "list self/fd", "link self/exe")),
    Row("f13_devices", control=("/dev/full", "list /dev", "list /sys/class/net")),
    Row("f14_handles"),
    # ends with the worker, and whoever does not ask for locks does not notice
    Row("f15_watching", strong=("lock on a package",), control=("inotify", "lock on the host's file")),
    Row("f16_controls"),
    Row("p1_memory_of_others", control=("judge: cmdline", "judge: environ", "judge: maps", "judge: link cwd")),
    Row("p2_tracing"),
    Row("p3_memory_copied", control=("itself: process_vm_readv", "itself: process_vm_writev")),
    Row("p4_signals"),
    Row("p5_priorities"),
    Row("p9_programs", control=PROGRAMS),
    # of its own process alone; what ends a worker depends on none of them
    Row("p14_own_process", strong=OWN_PROCESS, control=("outlive the parent", *OWN_PROCESS)),
    Row("p15_descriptors_of_others", control=("open the judge", "open itself")),
    Row("p16_asking", basic=ASKED, control=(*ASKED, "limits")),
    Row("p17_signals_by_descriptor", control=("pipe: owner", "pipe: itself", "pipe: signal")),
    Row("n1_internet"),
    Row("n3_named_socket"),
    Row("n4_sockets", control=("pair", "unix", "internet")),
    Row("n5_channel"),
    Row("k1_namespaces"),
    Row("k2_facilities"),
    Row("k4_powers"),
    # of two filters the stricter one counts
    Row("k5_own_filter", strong=("filter",), control=("filter", "socket", "process", "signal", "file")),
    Row("k6_threads", control=("socket", "signal", "file", "mode") * 2),
    Row("i1_environment", strong=("CUDA_VISIBLE_DEVICES", "HOME", "LANG", "TMPDIR"), control=("PATH", "TMPDIR")),
    Row("i2_first_environment", strong=STARTED_WITH, control=("PATH", "TMPDIR")),
    Row("i4_descriptors", strong=("0 device", "1 pipe", "2 pipe", "3 socket")),
)


@pytest.mark.isolation
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_reaches_what_it_may_and_no_more(attack, untouched, isolation, row):
    result = attack(f"reach/{row.name}")
    expected = row.basic if row.basic is not None and isolation.level == "basic" else row.strong
    assert result.done == list(expected)
    assert result.spoiled_nothing


@pytest.mark.parametrize("row", [row for row in ROWS if row.control], ids=lambda row: row.name)
def test_a_row_reaches_more_without_the_jail(control, row):
    """The control: what is refused in the jail is possible at all, and tried in a way that works."""
    assert set(row.control) <= set(control(f"reach/{row.name}"))


@pytest.fixture
def abstract(world) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Listeners that have a name and no file, which an attack can tell from its world."""
    with socket.socket(socket.AF_UNIX) as stream, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        stream.bind(f"\0{world.folder}")
        stream.listen()
        datagrams.bind(f"\0{world.folder}-datagrams")
        for listening in (stream, datagrams):
            listening.setblocking(False)
        yield stream, datagrams


@pytest.mark.isolation
def test_a_listener_without_a_file_is_out_of_reach(attack, untouched, abstract):
    result = attack("reach/n2_abstract_socket")
    assert (result.done, result.spoiled_nothing) == ([], True)
    stream, datagrams = abstract
    with pytest.raises(BlockingIOError):
        stream.accept()
    with pytest.raises(BlockingIOError):
        datagrams.recv(1)


def test_a_listener_without_a_file_is_reached_without_the_jail(control, abstract):
    assert control("reach/n2_abstract_socket") == ["connect", "send", "take a name"]
    stream, datagrams = abstract
    stream.accept()[0].close()
    assert datagrams.recv(1) == b"x"


@pytest.mark.isolation
@pytest.mark.parametrize("row", ["k3_int80", "k3_x32"])
def test_a_call_of_a_foreign_architecture_ends_the_worker(attack, untouched, row):
    if platform.machine() != "x86_64":
        pytest.skip("other machines have no second way to call the kernel")
    result = attack(f"reach/{row}")
    assert result.done is None
    assert (result.grade.status, result.grade.points, result.grade.flags) == ("crashed", 5, [])
    assert [check.status for check in result.grade.checks] == ["passed", "error", "passed"]
    assert "SIGSYS" in result.grade.checks[1].message
