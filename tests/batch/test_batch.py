"""`grade batch`: a class in a folder, graded by the real command; stopped, and gone on with; faults of ours."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.batch.gradebook import open_gradebook
from grader.batch.worker import Task, TaskSpec, run_task
from grader.course.settings import read_settings
from grader.records.grade import Row

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXERCISE = '''"""Write `double(x)`: twice the tensor."""

import torch

from grader import Exercise, expect_close

exercise = Exercise("double", "Twice as much", statement=__doc__, names=["double"])


@exercise.check(points=3)
def doubles(student):
    """Returns twice its argument."""
    x = torch.rand(3, generator=student.generator)
    expect_close(student.call("double", x), 2 * x, "double(x)", tolerance=1e-6, hint="Is it x + x?")


@exercise.check(points=1)
def of_nothing(student):
    """Takes an empty tensor."""
    expect_close(student.call("double", torch.zeros(0)), torch.zeros(0), "double(x)", tolerance=1e-6)
{more}
'''
SETTINGS = "[tool.grade.limits]\nseconds = 2\ntop_level_seconds = 1\n"
KINDS = {
    "right": "def double(x):\n    return x + x\n",
    "wrong": "def double(x):\n    return x * x\n",
    "broken": "def double(x:\n    return 2\n",
    "raising": "def double(x):\n    raise ValueError('no')\n",
    "dying": "import os\n\ndef double(x):\n    os._exit(3)\n",
    "hanging": "def double(x):\n    while True:\n        pass\n",
}
WAIT = 120.0

Batch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course of one small exercise, with low limits."""
    return make_course(tmp_path / "course")


def make_course(folder: Path, more: str = "") -> Path:
    (folder / "exercises" / "double").mkdir(parents=True)
    (folder / "exercises" / "double" / "__init__.py").write_text(EXERCISE.replace("{more}", more))
    (folder / "pyproject.toml").write_text(SETTINGS)
    return folder


def make_class(folder: Path, kinds: dict[str, str]) -> Path:
    """A submission for each student, by what is to become of it; each has a content of its own."""
    for student, kind in kinds.items():
        (folder / student).mkdir(parents=True)
        (folder / student / "double.py").write_text(f"# {student}\n{KINDS[kind]}")
    return folder


@pytest.fixture
def batch(tmp_path: Path, course: Path) -> Batch:
    """Run the command, by default on `tmp_path/class` with the small course."""

    def run(
        *options: object, path: Path = tmp_path / "class", timeout: float = WAIT
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(path, course, tmp_path / "out", *options),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=timeout,
        )

    return run


def command(path: Path, course: Path, output: Path, *options: object) -> list[str]:
    where = ["--course", course, "--output", output, "--gradebook", url_of(output)]
    return [sys.executable, "-m", "grader", "batch", *map(str, [path, *where, *options])]


def url_of(output: Path) -> str:
    return f"sqlite:///{output}/gradebook.db"


def rows_of(output: Path) -> dict[str, Row]:
    with open_gradebook(url_of(output)) as book:
        return {row.student: row for row in book.rows()}


def seen(row: Row) -> tuple[object, ...]:
    """What two runs with the same seed agree in."""
    grade = row.grade
    exercises = [(e.id, e.status, e.points, [(c.id, c.status, c.points) for c in e.checks]) for e in grade.exercises]
    return row.student, grade.status, row.points, grade.max_points, grade.flags, grade.seed, row.content, exercises


def attempts(output: Path) -> int:
    """How many attempts the gradebook holds by now; read as another program would."""
    file = output / "gradebook.db"
    if not file.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            return connection.execute("select count(*) from attempts").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def attempts_in(url: str) -> int:
    """The same of a PostgreSQL database."""
    import psycopg

    try:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            found = connection.execute("select count(*) from attempts").fetchone()
    except psycopg.errors.UndefinedTable:
        return 0
    return found[0] if found else 0


def test_a_class_is_graded_each_for_what_it_is(batch: Batch, tmp_path: Path):
    """Hanging, dying and broken submissions cost only themselves; the same command again grades nothing."""
    make_class(tmp_path / "class", {kind: kind for kind in KINDS})
    done = batch()
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out")
    assert {name: (row.points, row.grade.exercises[0].status) for name, row in rows.items()} == {
        "right": (4, "graded"),
        "wrong": (1, "graded"),
        "broken": (0, "error"),
        "raising": (0, "graded"),
        "dying": (0, "crashed"),
        "hanging": (0, "timeout"),
    }
    assert "6 students graded" in done.stdout
    assert "6/6" in done.stderr and "left" in done.stderr
    again = batch("--format", "json")
    assert again.returncode == 0
    assert "6 are already graded" in again.stderr
    assert attempts(tmp_path / "out") == 6
    assert [grade["submission"] for grade in json.loads(again.stdout)["grades"]] == sorted(KINDS)
    for name in KINDS:
        assert (tmp_path / "out" / "students" / f"{name}.html").exists()


def test_only_what_changed_is_graded_again(batch: Batch, tmp_path: Path):
    folder = make_class(tmp_path / "class", {"ada": "wrong", "bob": "right"})
    batch()
    (folder / "ada" / "double.py").write_text(KINDS["right"])
    changed = batch()
    assert "Grading 1 submission; 1 is already graded" in changed.stderr
    assert rows_of(tmp_path / "out")["ada"].points == 4
    batch("--force")
    assert attempts(tmp_path / "out") == 2 + 1 + 2
    best = batch("--counts", "best")
    assert best.returncode == 0 and rows_of(tmp_path / "out")["ada"].points == 4


def test_the_best_of_a_students_submissions_counts_where_asked(batch: Batch, tmp_path: Path):
    folder = make_class(tmp_path / "class", {"ada": "right"})
    batch("--counts", "best")
    (folder / "ada" / "double.py").write_text(KINDS["wrong"])
    batch()
    assert rows_of(tmp_path / "out")["ada"].points == 4
    batch("--counts", "latest")
    assert rows_of(tmp_path / "out")["ada"].points == 1


def test_the_runs_seed_is_in_the_gradebook_alone(batch: Batch, tmp_path: Path):
    """Each submission has a seed of its own, derived; the run's is shown nowhere and is kept."""
    seed = 8_123_456_789_012_345
    make_class(tmp_path / "class", {"ada": "right", "bob": "right"})
    done = batch("--seed", seed, "--format", "json")
    seeds = {grade["seed"] for grade in json.loads(done.stdout)["grades"]}
    assert len(seeds) == 2 and seed not in seeds
    pages = "".join(file.read_text() for file in (tmp_path / "out").rglob("*.html"))
    assert str(seed) not in done.stdout + done.stderr + pages
    before = {name: row.grade.seed for name, row in rows_of(tmp_path / "out").items()}
    batch("--force")
    assert {name: row.grade.seed for name, row in rows_of(tmp_path / "out").items()} == before


def test_a_copy_is_graded_once_and_names_nobody_else(batch: Batch, tmp_path: Path):
    """Two who hand in the same get the same grade, and neither page tells of the other."""
    for student in ("ada", "bob"):
        (tmp_path / "class" / student).mkdir(parents=True)
        (tmp_path / "class" / student / "double.py").write_text(KINDS["wrong"])
    done = batch()
    assert "(1 of them the same as another)" in done.stderr
    rows = rows_of(tmp_path / "out")
    assert rows["ada"].points == rows["bob"].points == 1 and attempts(tmp_path / "out") == 1
    pages = {name: (tmp_path / "out" / "students" / f"{name}.html").read_text() for name in rows}
    assert "bob" not in pages["ada"] and "ada" not in pages["bob"]


def test_exit_codes(batch: Batch, tmp_path: Path, course: Path):
    make_class(tmp_path / "class", {"ada": "right", "bob": "wrong"})
    assert batch().returncode == 0
    assert batch("--fail-under", 20).returncode == 0
    assert batch("--fail-under", 50).returncode == 1
    for wrong, words in (
        (["--executor", "none"], "unknown executor 'none'; available: "),
        (["--executor-option", "a=1"], "no option of the executor 'local'; it has none"),
        (["--layout", "none"], "unknown layout 'none'; available: "),
        (["--gradebook", "nothing"], "'nothing' is not a database URL"),
        (["--exercise", "none"], "unknown exercise 'none'; available: double"),
    ):
        done = batch(*wrong)
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    (tmp_path / "empty").mkdir()
    empty = batch(path=tmp_path / "empty")
    assert empty.returncode == 2 and "no submission found in it" in empty.stderr
    assert batch(path=tmp_path / "missing").returncode == 2


def test_a_gradebook_of_another_version_is_refused(batch: Batch, tmp_path: Path):
    make_class(tmp_path / "class", {"ada": "right"})
    batch()
    with sqlite3.connect(tmp_path / "out" / "gradebook.db") as connection:
        connection.execute("update meta set value = '99' where key = 'schema_version'")
    refused = batch()
    assert refused.returncode == 2
    assert "was made by another version (schema 99, this one reads 1): export it with that version" in refused.stderr


COUNTED = '''

@exercise.check(points=1)
def lucky(student):
    """Is not met by a fault."""
    import os
    from pathlib import Path

    tries = Path(__file__).parents[2] / "tries"
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if len(tries.read_text()) {times}:
        {fault}
'''


@pytest.mark.parametrize("fault", ["1 / 0", "os.kill(os.getpid(), 9)"])
def test_a_fault_of_ours_is_met_twice_before_it_is_believed(fault: str, batch: Batch, tmp_path: Path, course: Path):
    """A check that fails once, and a process that dies once, leave no trace but in time."""
    shutil.rmtree(course)
    make_course(course, COUNTED.format(times="== 1", fault=fault))
    make_class(tmp_path / "class", {"ada": "right"})
    done = batch()
    assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "out")["ada"].points == 5


@pytest.mark.parametrize("fault", ["1 / 0", "os.kill(os.getpid(), 9)"])
def test_a_lasting_fault_is_told_apart_and_costs_nobody_points(fault: str, batch: Batch, tmp_path: Path, course: Path):
    shutil.rmtree(course)
    make_course(course, COUNTED.format(times="> 0", fault=fault))
    make_class(tmp_path / "class", {"ada": "right", "bob": "wrong"})
    done = batch()
    assert done.returncode == 3
    assert "internal error" in done.stderr and "internal error  2: ada, bob" in done.stdout
    for row in rows_of(tmp_path / "out").values():
        assert row.grade.exercises[0].status == "broken" and row.grade.max_points == 0
    page = (tmp_path / "out" / "students" / "ada.html").read_text()
    assert "not your mistake" in page
    # what met a fault is not taken for graded: mended, the same command grades it
    shutil.rmtree(course)
    make_course(course)
    assert batch().returncode == 0
    assert rows_of(tmp_path / "out")["ada"].points == 4


def test_a_slot_refuses_another_course(course: Path):
    """A machine whose course is not the same grades nothing."""
    from grader.intake.bundle import Bundle

    spec = TaskSpec(str(read_settings(course).folder), "another", [], "cpu", "basic")
    graded = run_task(Task(spec, 1, Bundle([("double.py", KINDS["right"].encode())])))
    assert graded.record is None and "differs from the one here" in (graded.refused or "")


def test_no_batch_without_isolation_unless_it_is_trusted(tmp_path: Path, course: Path):
    """Where files are open to student code, `batch` refuses and says what would let it."""
    make_class(tmp_path / "class", {"ada": "right"})
    environment = [sys.executable, ROOT / "tests/environments/run.py", "--no-namespaces", "--no-landlock", "--user"]
    where = {**os.environ, "TMPDIR": "/tmp"}
    open_to_all = Path("/tmp") / f"batch-{os.getpid()}"
    shutil.copytree(tmp_path, open_to_all)
    for path in (open_to_all, *open_to_all.rglob("*")):
        path.chmod(0o755)
    try:
        run = command(open_to_all / "class", open_to_all / "course", Path("out"))
        run[run.index("--gradebook") + 1] = "sqlite:///gradebook.db"
        code = (
            f"import os, subprocess, sys; os.chdir(os.environ['HOME']); sys.exit(subprocess.call({run!r}+sys.argv[1:]))"
        )
        results = [
            subprocess.run(
                [*map(str, environment), "--", sys.executable, "-c", code, *trust],
                capture_output=True,
                text=True,
                env=where,
                cwd=ROOT,
                timeout=WAIT,
            )
            for trust in ([], ["--trust"])
        ]
    finally:
        shutil.rmtree(open_to_all)
    refused, trusted = results
    if refused.returncode == 125:
        pytest.skip(refused.stderr.strip())
    assert refused.returncode == 3, refused.stderr
    assert "isolation 'basic' is required, this machine reaches 'process'" in refused.stderr
    assert "--trust grades all the same" in refused.stderr
    assert trusted.returncode == 0, trusted.stderr


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


def test_a_batch_that_is_stopped_goes_on(tmp_path: Path, course: Path):
    """Ctrl-C ends it at once, with all that it started; the same command finishes the class."""
    folder = make_class(tmp_path / "class", {f"s{n:02}": "right" for n in range(30)})
    run = command(folder, course, tmp_path / "out")
    with subprocess.Popen(
        run,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job would ignore it
    ) as started:
        wait_for(lambda: attempts(tmp_path / "out") > 3)
        below = descendants(started.pid)
        os.killpg(started.pid, signal.SIGINT)
        _, errors = started.communicate(timeout=30)
    assert started.returncode == 3 and errors.splitlines()[-1] == "grade: stopped"
    wait_for(lambda: all(has_ended(pid) for pid in below), 20)
    assert 3 < attempts(tmp_path / "out") < 30
    assert subprocess.run(run, capture_output=True, timeout=WAIT).returncode == 0
    assert attempts(tmp_path / "out") == 30


MANY = 200


def a_class_of(many: int) -> dict[str, str]:
    """Mostly right and wrong; some are broken, raise or die; a few hang."""
    rare = {7: "hanging", 31: "dying", 13: "broken", 17: "raising"}
    return {
        f"s{number:03}": next((rare[n] for n in rare if number % n == n - 1), "right" if number % 3 else "wrong")
        if number < 100 or number % 7 != 6
        else "wrong"
        for number in range(many)
    }


def killed_at(run: list[str], count: Callable[[], int], moments: list[int]) -> None:
    """Run a batch, kill it with -9 once so many attempts are written, and again; then let it finish."""
    for moment in moments:
        with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
            wait_for(lambda moment=moment: count() >= moment or started.poll() is not None)
            below = descendants(started.pid)
            started.kill()
        wait_for(lambda below=below: all(has_ended(pid) for pid in below), 20)
    done = subprocess.run(run, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def test_a_batch_killed_three_times_is_as_one_that_was_not(tmp_path: Path, course: Path):
    """200 submissions: the gradebook is the same row by row, nothing is counted twice, and no process is left."""
    folder = make_class(tmp_path / "class", a_class_of(MANY))
    whole = command(folder, course, tmp_path / "whole", "--seed", 5)
    assert subprocess.run(whole, capture_output=True, timeout=600).returncode == 0
    moments = sorted(random.sample(range(1, MANY - 10), 3))
    print(f"killed after {moments}")
    killed = tmp_path / "killed"
    killed_at(command(folder, course, killed, "--seed", 5), lambda: attempts(killed), moments)
    expected, found = rows_of(tmp_path / "whole"), rows_of(killed)
    assert len(expected) == MANY
    assert [seen(row) for row in found.values()] == [seen(row) for row in expected.values()]
    assert attempts(killed) == MANY
    assert {row.grade.exercises[0].status for row in found.values()} == {"graded", "error", "crashed", "timeout"}


def test_a_batch_into_postgresql_killed_and_gone_on_with_is_the_same(tmp_path: Path, course: Path, postgresql: str):
    """The same, smaller, over PostgreSQL: as the SQLite file of an uninterrupted run."""
    folder = make_class(tmp_path / "class", a_class_of(24))
    whole = command(folder, course, tmp_path / "whole", "--seed", 5)
    assert subprocess.run(whole, capture_output=True, timeout=600).returncode == 0
    run = [*command(folder, course, tmp_path / "killed", "--seed", 5), "--gradebook", postgresql]
    killed_at(run, lambda: attempts_in(postgresql), sorted(random.sample(range(1, 20), 2)))
    with open_gradebook(postgresql) as book:
        found = {row.student: row for row in book.rows()}
    expected = rows_of(tmp_path / "whole")
    assert len(expected) == 24
    assert sorted(map(seen, found.values()), key=str) == sorted(map(seen, expected.values()), key=str)
    assert attempts_in(postgresql) == 24
    reported = subprocess.run(
        [sys.executable, "-m", "grader", "export", "csv", "--gradebook", postgresql], capture_output=True, text=True
    )
    assert reported.returncode == 0 and len(reported.stdout.splitlines()) == 25
