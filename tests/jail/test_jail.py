"""Attacks of a submission's code on the machine, the clock, the grader and its neighbours, and how each ends.

Every attack runs for real, and is judged by the grade and by what the machine looks like afterwards.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grader import Exercise, expect
from grader.grading.grading import grade_exercise
from grader.intake.staging import stage, unstage
from grader.jail.handle import JailError
from grader.jail.host import Jail
from grader.jail.shared import messages
from grader.records.grade import ExerciseGrade, Verdict
from grader.records.limits import Limits

pytestmark = pytest.mark.jail

exercise = Exercise("task", title="A task", statement="Answer.", names=("quick", "Model"))


@exercise.check(points=1)
def before(student):
    """An answer before the attack."""
    expect(student.call("quick") == 7, "`quick` is wrong")


@exercise.check(points=2)
def during(student):
    """The forward pass that attacks."""
    answer = student.build("Model")(torch.ones(2))
    expect(isinstance(answer, torch.Tensor) and answer.tolist() == [2.0, 2.0], f"`forward` returned {answer!r}")


@exercise.check(points=4)
def after(student):
    """An answer after the attack."""
    expect(student.call("quick") == 7, "`quick` is wrong")


EVERYTHING = 7.0


def source(attack: str = "pass", top: str = "") -> str:
    """A submission that answers right, with an attack in its forward pass or at its top level."""
    return (
        "import ctypes, mmap, os, sys, threading, time\nimport torch\n\n"
        "def quick():\n    return 7\n\n"
        "class Model(torch.nn.Module):\n    def forward(self, x):\n"
        f"{textwrap.indent(textwrap.dedent(attack).strip(), ' ' * 8)}\n        return x + 1\n\n"
        f"{textwrap.dedent(top)}"
    )


@pytest.fixture
def attack(zygote: Jail, tmp_path: Path) -> Callable[..., ExerciseGrade]:
    """Grade a submission with this attack. Further arguments are `Limits`; by default it has five seconds."""

    def run(code: str = "pass", top: str = "", *, given: Jail | None = None, **overrides: float) -> ExerciseGrade:
        file = tmp_path / "task.py"
        file.write_text(source(code, top))
        limits = Limits(**{"seconds": 5, "top_level_seconds": 1, "memory_mib": 300, **overrides})  # type: ignore[arg-type]
        staged = stage(file, given or zygote, limits)
        try:
            return grade_exercise(staged, exercise, limits, given or zygote, seed=1)
        finally:
            unstage(staged, given or zygote)

    return run


def check(grade: ExerciseGrade, name: str) -> Verdict:
    return next(verdict for verdict in grade.checks if verdict.id == name)


def statuses(grade: ExerciseGrade) -> list[str]:
    return [verdict.status for verdict in grade.checks]


@pytest.mark.isolation
def test_an_honest_submission_earns_everything(attack):
    """The control of this file: without an attack, every point is given and nothing is flagged."""
    grade = attack()
    assert (grade.points, grade.status, grade.flags, grade.notes) == (EVERYTHING, "graded", [], [])


# Time.


def test_slow_assignments_share_the_budget(attack):
    """Top-level assignments cannot hold the grader: each below a second, together they end in bounded time."""
    started = time.monotonic()
    grade = attack(top="waited = time.sleep(0.3)\n" * 30, seconds=2)
    assert time.monotonic() - started < 6
    assert grade.status in ("graded", "timeout")


def test_forged_steps_buy_no_time(attack):
    """A worker that announces statement after statement gets no grace for each of them."""
    started = time.monotonic()
    grade = attack(
        top="""
        from grader.jail.shared import messages, wire
        for line in range(1000, 1100):
            step = messages.Step(messages.Place("task.py", line), "nothing")
            os.write(3, wire.encode(step, []))
            time.sleep(0.2)
        """,
        seconds=2,
    )
    assert time.monotonic() - started < 8
    assert grade.status in ("graded", "timeout", "crashed")


# Death.


@pytest.mark.isolation
def test_exit_at_top_level_is_left_out(attack):
    """A top-level statement that ends the process is left out with a note, and costs nothing."""
    grade = attack(top="os._exit(0)\n")
    assert (grade.points, grade.status) == (EVERYTHING, "graded")
    assert grade.notes == ["`task.py`, line 12, was left out: it ended the process"]


# Memory.


PAGE_TABLES = """
empty = mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
for page in range(0, 1 << 40, 2 << 20):
    empty[page]
"""


@pytest.mark.isolation
def test_chatter_does_not_hide_memory(attack):
    """The memory watch goes on while a worker keeps the wire busy byte by byte."""
    chat = """
    from grader.jail.shared import wire
    def chat():
        os.write(3, wire.PREFIX.pack(wire.MAGIC, 100, 80 << 20))
        while True:
            os.write(3, b"x")
            time.sleep(0.001)
    threading.Thread(target=chat, daemon=True).start()
    """
    grade = attack(textwrap.dedent(chat) + PAGE_TABLES, seconds=10)
    assert (grade.status, grade.points) == ("memory", 5)


# Output and the channel.


@pytest.mark.isolation
def test_closed_output_is_no_matter(attack):
    """Closing or losing standard output and error harms nobody."""
    grade = attack("sys.stdout.close(); sys.stderr.close()\nfor d in (0, 1, 2): os.close(d)")
    assert (grade.points, grade.status) == (EVERYTHING, "graded")


def test_garbage_at_top_level_is_flagged(attack):
    """A top-level statement that writes to the channel is left out, and an instructor is told."""
    grade = attack(top="os.write(3, b'garbage that is no frame at all')\n")
    assert grade.points <= EVERYTHING
    assert "protocol" in grade.flags


def test_forged_answers_at_top_level_earn_nothing(attack):
    """A module that answers in advance for names it does not define gets no points for them."""
    grade = attack(
        top="""
        from grader.jail.shared import messages, wire
        del quick, Model
        forged = messages.Loaded("task.py", ["quick", "Model"], [], [], [], None)
        os.write(3, wire.encode(forged, []) + wire.encode(messages.Value(["passed"]), []) * 20)
        """
    )
    assert grade.points == 0


# What lies outside.


@pytest.mark.isolation
def test_no_process_is_left(attack, zygote):
    """No process can be started, by any way there is, and none outlives the attempt."""
    zygote.ready()
    before = family(zygote)
    grade = attack(
        """
        import subprocess
        libc = ctypes.CDLL(None, use_errno=True)
        true = "/bin/true"
        ways = [os.fork, os.setsid, lambda: os.kill(os.getppid(), 0), lambda: os.execv(true, ["true"])]
        ways += [lambda: os.posix_spawn(true, ["true"], {}), lambda: subprocess.run([sys.executable, "-c", ""])]
        for number in (57, 58, 59, 220, 221) if os.uname().machine == "x86_64" else (220, 221):
            ways.append(lambda number=number: libc.syscall(number, 17, 0, 0, 0, 0) < 0 and 1 / 0)
        done = 0
        for way in ways:
            try:
                way()
                done += 1
            except (OSError, ZeroDivisionError):
                pass
        x = x + done
        """
    )
    assert (grade.points, grade.status) == (EVERYTHING, "graded")
    assert family(zygote) == before


def family(zygote: Jail) -> list[int]:
    """The launcher, all that descends from it, and what looks like it and has lost its parent."""
    parents: dict[int, int] = {}
    orphans = []
    command = "\0".join(map(str, zygote.server.launcher.args)) + "\0"  # type: ignore[arg-type, call-overload]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                if parent == 1 and (entry / "cmdline").read_bytes() == command.encode():
                    orphans.append(int(entry.name))
            except OSError:
                continue
            parents[int(entry.name)] = parent
    found = {zygote.server.launcher.pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found) + orphans


@pytest.mark.isolation
def test_files_outside_stay_as_they_are(attack, zygote):
    """Nothing outside the scratch folder can be read, written, made, linked, moved or have its mode changed."""
    folder = Path("/tmp", f"outside-{os.getpid()}")
    folder.mkdir()
    try:
        folder.chmod(0o777)
        (folder / "file").write_text("kept")
        (folder / "file").chmod(0o666)
        seen = (folder / "file").stat()
        listing = set(Path("/tmp").iterdir())
        grade = attack(
            f"""
            folder, own = {str(folder)!r}, os.path.dirname(os.path.abspath(__file__))
            file = folder + "/file"
            scratch = os.environ["TMPDIR"]
            ways = [
                lambda: open(file).read(), lambda: open(file, "a").write("x"), lambda: open(folder + "/new", "w"),
                lambda: os.mkdir(folder + "/new"), lambda: os.unlink(file), lambda: os.rename(file, file + "2"),
                lambda: os.truncate(file, 0), lambda: os.chmod(file, 0), lambda: os.utime(file),
                lambda: os.link(file, scratch + "/link"), lambda: os.symlink(file, scratch + "/link"),
                lambda: os.listdir(folder), lambda: os.listdir("/tmp"), lambda: open("/etc/passwd").read(),
                lambda: open("/tmp/made-by-a-worker", "w"), lambda: open("/dev/shm/made-by-a-worker", "w"),
                lambda: open(own + "/new.py", "w"), lambda: open(__file__, "a"), lambda: os.chmod(__file__, 0o777),
                lambda: open(torch.__file__, "a"), lambda: open(os.path.dirname(torch.__file__) + "/new.py", "w"),
                lambda: open(os.path.dirname(os.path.dirname(torch.__file__)) + "/new.pth", "w"),
                lambda: open("/proc/self/status").read(), lambda: open("/proc/1/status").read(),
            ]
            for number, way in enumerate(ways):
                try:
                    way()
                    x = x + number + 1
                except OSError:
                    pass
            open(scratch + "/own", "w").write("this one is allowed")
            """
        )
        assert (check(grade, "during").message, grade.status) == ("as promised", "graded")
        now = (folder / "file").stat()
        assert (folder / "file").read_text() == "kept"
        assert [now.st_mode, now.st_mtime_ns, now.st_ctime_ns] == [seen.st_mode, seen.st_mtime_ns, seen.st_ctime_ns]
        assert [file.name for file in folder.iterdir()] == ["file"]
        assert not [file for file in set(Path("/tmp").iterdir()) - listing if "worker" in file.name]
        assert not list(zygote.folder.glob("scratch-*"))
    finally:
        shutil.rmtree(folder)


@pytest.mark.isolation
def test_scratch_is_empty_for_the_next(attack):
    """What one worker leaves in its scratch folder or its memory, the next one does not find."""
    code = """
    x = x + len(os.listdir(os.environ["TMPDIR"])) + hasattr(torch, "left_by_an_earlier_one")
    open(os.environ["TMPDIR"] + "/left", "w").write("x")
    torch.left_by_an_earlier_one = True
    """
    for _ in range(2):
        assert attack(code).points == EVERYTHING


# The grader's own house.


@pytest.mark.isolation
def test_nothing_piles_up_in_the_host(attack, zygote):
    """Attempt after attempt, crashes and kills included, the host keeps no descriptor, process or file."""
    attack("os._exit(1)")  # whatever is opened once and kept
    limits = Limits(seconds=1, memory_mib=300)
    entry = zygote.new_entry()
    entry.chmod(0o755)
    counts = (descriptors(), family(zygote), len(list(zygote.folder.iterdir())))
    for number in range(30):
        worker = zygote.spawn(entry.name, limits)
        if number % 3:
            worker.ask(messages.Seed(number), deadline=time.monotonic() + 5)
        worker.close()
    attack("os._exit(1)")
    assert (descriptors(), family(zygote), len(list(zygote.folder.iterdir()))) == counts


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.isolation
def test_a_worker_shows_its_locks_from_outside(zygote, isolation):
    """The kernel says of a ready worker: no capability beyond reading, no new privileges, a filter, one thread."""
    entry = zygote.new_entry()
    entry.chmod(0o755)
    worker = zygote.spawn(entry.name, Limits())
    try:
        status = worker.status()
    finally:
        worker.close()
    allowed = 0 if isolation.level in ("strong", "full") else 1 << 1 | 1 << 2  # to pass folders that are root's alone
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        if field != "CapBnd" or os.geteuid() == 0:
            assert int(status[field], 16) & ~allowed == 0, field
    assert (status["NoNewPrivs"], status["Seccomp"], status["Threads"]) == ("1", "2", "1")
    if os.geteuid() == 0:
        assert "0" not in status["Uid"].split() + status["Gid"].split() + status["Groups"].split()


@pytest.mark.isolation
def test_a_killed_zygote_is_replaced_and_the_attempt_made_again(attack):
    """Nobody loses a point to it, and nothing is left of the first."""
    with Jail() as own:
        attack(given=own)
        before = descriptors()
        timer = threading.Timer(0.5, own.server.launcher.kill)
        timer.start()
        grade = attack("time.sleep(2)", given=own, seconds=15)
        timer.join()
        assert (grade.points, grade.status) == (EVERYTHING, "graded")
        os.kill(own.server.launcher.pid, signal.SIGKILL)  # between two attempts as well
        assert attack(given=own).points == EVERYTHING
        assert descriptors() == before


def test_a_zygote_that_does_not_last_is_our_fault(attack):
    """Where the second try loses its zygote too, the attempt is broken: it counts for nothing and against nobody."""
    with Jail() as own:
        own.ready()
        is_over = threading.Event()

        def kill() -> None:
            while not is_over.wait(0.5):
                own.server.launcher.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            assert attack("time.sleep(20)", given=own, seconds=15).status == "broken"
        finally:
            is_over.set()
            killer.join()


def test_the_command_says_in_one_line_that_the_jail_failed(submission, tmp_path):
    """Where the jail cannot be started, `grade submit` ends with 3 and one line, and grades nothing."""
    command = [sys.executable, "-m", "grader", "submit", submission({"task.py": source()}), "--format", "json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    deadline = time.monotonic() + 30
    while not (launchers := launchers_of(running.pid)) and time.monotonic() < deadline:
        time.sleep(0.005)
    for pid in launchers:
        os.kill(pid, signal.SIGKILL)
    output, errors = running.communicate(timeout=60)
    assert (running.returncode, output, errors.count("\n")) == (3, "", 1)
    assert errors.startswith("grade: ") and "fork server" in errors


def launchers_of(parent: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            if b"grader.jail.inside.launcher" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
    return found


@pytest.mark.isolation
def test_a_submission_that_cannot_be_shown_ends_the_attempt(zygote):
    """A worker whose submission is not there is our fault, not a worker without one."""
    with pytest.raises(JailError, match="could not be made ready"):
        zygote.spawn("not-there", Limits())
