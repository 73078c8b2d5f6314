"""Fault injection: whatever call of a layer fails, in whichever process, the attempt ends as our fault, never
unprotected. And a layer that says nothing and does nothing is noticed.

The jail's code runs as a copy in which `environments/faults.py` wraps every call. What there is to fail is not listed
here: a run without faults says which process calls what, and how often.
"""

import errno
import os
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from grader.jail.handle import JailError, Worker
from grader.jail.host import Jail
from grader.jail.inside import landlock, seccomp
from grader.jail.isolation import measure
from grader.jail.shared import lockdown, messages
from grader.records.limits import LEVELS, Limits

pytestmark = pytest.mark.jail

TESTS = Path(__file__).parents[1]
OUR_FAULT = r"a fault put in by a test|ended before it was ready"
NOT_MADE = ("lockdown.permitted_capabilities",)
"""What only the trusted side calls."""
OF_ROOT, OF_USERS = ("lockdown.become",), ("lockdown.drop_capabilities",)
OF_NAMESPACES = tuple(f"lockdown.{name}" for name in ("setns", "mount", "unmount", "bind_read_only", "change_root"))
AFTER_THE_IMPORT = "landlock.abi from main"
"""The zygote's first call after the import of torch, which takes seconds."""
BREAKS_THE_ZYGOTE = "lockdown.unshare from _private_mounts"
"""Without it a worker mounts and unmounts for all: the next one finds no submission, and is our fault."""

Calls = dict[str, dict[str, int]]
"""By process: how often each call was made, in the order of the first ones."""
Copy = runpy.run_path(str(TESTS / "environments" / "copied.py"))["Copy"]
"""The copy of the jail that these tests order faults from: no file of a test can import another."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("faulty"))


@pytest.fixture(scope="module")
def started(copy: Copy) -> Iterator[tuple[Jail, Calls]]:
    zygote = copy.start()
    try:
        spawn(zygote).close()
        yield zygote, copy.calls()
    finally:
        zygote.close()


@pytest.fixture
def faulty(copy: Copy, started: tuple[Jail, Calls]) -> Jail:
    """A zygote that was started without a fault, for faults in its workers."""
    copy.order()
    return started[0]


@pytest.fixture
def made(started: tuple[Jail, Calls]) -> Calls:
    """What each process calls, from the start of that zygote to the end of its first worker."""
    return started[1]


def spawn(zygote: Jail) -> Worker:
    (zygote.spool / "entry").mkdir(mode=0o755, exist_ok=True)
    return zygote.spawn("entry", Limits())


def locks(zygote: Jail) -> dict[str, Any]:
    """All that can be seen of a worker's layers: by the kernel's word, and by trying."""
    worker = spawn(zygote)
    try:
        status = worker.status()
        process = Path("/proc", status["Pid"])
        limits = (process / "limits").read_text().splitlines()
        mounts = [line.partition(" - ")[0].split()[4:6] for line in (process / "mountinfo").read_text().splitlines()]
        request = messages.Probe(str(zygote.canary), zygote.inside_canary())
        answer, _ = worker.ask(request, deadline=time.monotonic() + 20)
    finally:
        worker.close()
    fields = ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups", "Threads")
    return {
        **{field: status[field] for field in fields},
        "namespaces": len(status["NSpid"].split()),
        "limits": [line for line in limits if "data size" not in line],  # it depends on what the zygote has
        "mounts": sorted(mounts) if zygote.ready()["namespaces"] else [],
        "probe": answer.outcomes,
    }


def sampled(count: int) -> list[int]:
    """Each of a few calls; of many the first, the second and the last."""
    return list(range(1, count + 1)) if count < 10 else [1, 2, count]


@pytest.mark.isolation
def test_the_copy_without_a_fault_works(faulty, isolation):
    """The control of this file: without a fault the copied jail reaches the same level."""
    assert measure(faulty).level == isolation.level


@pytest.mark.isolation
def test_every_wrapper_is_among_those_that_fail(faulty, made):
    """No function of the layers is left out, but for what this machine and user do not need."""
    done = {call.split()[0] for calls in made.values() for call in calls}
    there = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in (lockdown, landlock, seccomp)
        for name, function in vars(module).items()
        if isinstance(function, FunctionType) and function.__module__ == module.__name__ and name[0] != "_"
    }
    namespaces, version = faulty.ready()["namespaces"], faulty.ready()["landlock"]
    missing = {*NOT_MADE, *(OF_USERS if faulty.as_root else OF_ROOT)}
    if not namespaces:
        missing |= set(OF_NAMESPACES)
    if faulty.as_root or not namespaces:
        missing.add("lockdown.write_user_map")
    if not version:
        missing |= {"landlock.open_rules", "landlock.restrict"}
    assert there - done == missing
    system = {"os.setsid", "os.fork", "os.pidfd_open", "os.chdir", "resource.setrlimit"}
    assert done >= system | ({"os.setgroups", "os.setresgid", "os.setresuid"} if faulty.as_root else set())


CODES = {errno.EIO: (), errno.EPERM: pytest.mark.isolation, errno.EINVAL: pytest.mark.slow}
CODES |= {errno.ENOENT: pytest.mark.slow, errno.ENOSYS: pytest.mark.slow}
"""What a call fails with. At every level: that it is not permitted, as it may really be there."""


@pytest.mark.parametrize(
    "code", [pytest.param(code, id=errno.errorcode[code], marks=marks) for code, marks in CODES.items()]
)
def test_a_call_that_fails_in_a_worker_ends_the_attempt(copy, faulty, made, code):
    """A worker one of whose calls failed does not serve, unless all its layers hold nevertheless."""
    sound, processes, descriptors = locks(faulty), copy.processes(), len(list(Path("/proc/self/fd").iterdir()))
    unprotected, refused = [], 0
    for call, count in made["worker"].items():
        for number in sampled(count):
            copy.order("worker", call, number, code)
            try:
                if locks(faulty) != sound:
                    unprotected.append((call, number))
            except JailError as error:
                assert re.search(OUR_FAULT, str(error)), (call, number)
                refused += 1
            assert copy.calls()["worker"][call] >= number, (call, number)
            assert copy.processes() == processes, (call, number)
    assert unprotected == []
    assert refused > 30
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def starts(copy: Copy, process: str, call: str, number: int, code: int | None = errno.EIO) -> str | None:
    """The level that is measured with a fault in this call, or None where it ended as our fault."""
    before = copy.processes()
    copy.order(process, call, number, code)
    zygote = copy.start()
    try:
        level = measure(zygote).level
        # the second worker: what went wrong with the first must not be what it gets
        assert zygote.ready()["namespaces"] == (locks(zygote)["namespaces"] > 1), (process, call, number)
        return level
    except JailError as error:
        assert code is None or re.search(OUR_FAULT, str(error)), (process, call, number)
        return None
    finally:
        zygote.close()
        assert copy.comes_down_to(before), (process, call, number)


@pytest.mark.isolation
def test_a_call_that_fails_before_there_is_a_zygote_ends_the_start(copy, made):
    """No zygote serves where the launcher, or the zygote before its import of torch, could not do what it should."""
    early = list(made["zygote"])[: list(made["zygote"]).index(AFTER_THE_IMPORT)]
    for process, calls in (("launcher", made["launcher"]), ("zygote", {call: made["zygote"][call] for call in early})):
        for call, count in calls.items():
            for number in {1, count} if count > 4 else range(1, count + 1):
                assert starts(copy, process, call, number) is None, (process, call, number)


@pytest.mark.slow
def test_a_call_that_fails_in_a_zygote_ends_the_attempt(copy, made):
    """A zygote that could not prepare or fork a worker ends, and leaves no worker behind."""
    late = list(made["zygote"])[list(made["zygote"]).index(AFTER_THE_IMPORT) :]
    for call in late:
        assert starts(copy, "zygote", call, 1) is None, call


@pytest.mark.slow
def test_namespaces_that_do_not_work_lower_the_level(copy, made, faulty, isolation):
    """Where the throw-away process fails, workers are made without namespaces, and the level says so."""
    if not faulty.ready()["namespaces"]:
        pytest.skip("no namespaces here, so the throw-away process fails anyway")
    lower = min(isolation.level, "basic", key=LEVELS.index)
    for call in made["throw-away"]:
        assert starts(copy, "throw-away", call, 1) == lower, call


@pytest.mark.isolation
def test_a_call_that_does_nothing_is_noticed(copy, faulty, made):
    """Where a worker's call says nothing and does nothing, either all layers hold as before, or no level is given."""
    sound = locks(faulty)
    unnoticed, noticed = [], set()
    for call, count in made["worker"].items():
        if call == BREAKS_THE_ZYGOTE:
            continue
        for number in (None, *sampled(count)):
            copy.order("worker", call, number)
            try:
                measure(faulty)
            except JailError:
                noticed.add(call)
                continue
            copy.order("worker", call, number)
            if locks(faulty) != sound:
                unnoticed.append((call, number))
    assert unnoticed == []
    wanted = {"seccomp.install from _lock", "lockdown.limit_resources from _lock"}
    wanted |= {"lockdown.become from _lock"} if faulty.as_root else set()
    wanted |= {"landlock.restrict from _lock"} if faulty.ready()["landlock"] else set()
    wanted |= {"lockdown.unmount from _private_mounts"} if faulty.ready()["namespaces"] else set()
    assert noticed >= wanted


@pytest.mark.slow
@pytest.mark.parametrize("call", ["lockdown.unmount from change_root", "lockdown.unshare from _spawn"])
def test_a_call_of_the_zygote_that_does_nothing_is_noticed(copy, made, call):
    """The host's root that still lies over the worker's own, a process namespace that workers share."""
    if call not in made["zygote"]:
        pytest.skip("no namespaces here")
    assert starts(copy, "zygote", call, 1, None) is None


@pytest.mark.parametrize(
    ("process", "call", "code", "said"),
    [
        ("launcher", "resource.setrlimit from _reset_inherited", errno.EIO, "a fault put in by a test"),
        ("worker", "seccomp.install from _lock", errno.EIO, "a fault put in by a test"),
        pytest.param("worker", "seccomp.install from _lock", None, "should hold and does not", marks=pytest.mark.slow),
    ],
)
def test_the_command_grades_nothing(copy, process, call, code, said):
    """With a fault in the jail, `grade submit` ends with 3 and one line that says what failed."""
    copy.order(process, call, 1, code)
    root = TESTS.parent
    submission = root / "solutions" / "reference"
    result = subprocess.run(
        [sys.executable, "-m", "grader", "submit", submission, "--course", root, "--exercise", "my_rnn"],
        cwd=copy.folder,  # so that the copy is the one that is imported
        env={key: value for key, value in os.environ.items() if not key.startswith("GRADE_")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1), result.stderr
    assert result.stderr.startswith("grade: ") and said in result.stderr
    assert not (copy.folder / "grade-report").exists()
