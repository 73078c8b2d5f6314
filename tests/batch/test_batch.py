"""`grade batch`: what becomes of a class, what is graded again, what counts, and faults of ours.

Seen in this process, with the executor of `warm.py`; what takes a process of its own is in `test_stopped.py`.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.batch.worker import Task, TaskSpec, run_task
from grader.course.settings import read_settings
from grader.intake.bundle import Bundle
from tests.batch.warm import KINDS, WAIT, attempts, command, make_class, make_course, rows_of, warm_thread

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

Batch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A course of one small exercise, with low limits, that no test changes; and the thread that grades with it."""
    with warm_thread():
        yield make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture
def batch(invoke: Batch, tmp_path: Path, course: Path) -> Batch:
    """Run the command, by default on `tmp_path/class` with the small course."""

    def run(
        *options: object, path: Path = tmp_path / "class", course: Path = course
    ) -> subprocess.CompletedProcess[str]:
        return invoke(*command(path, course, tmp_path / "out", "--executor", "warm", *options)[3:])

    return run


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
    assert "(1 identical to another)" in done.stderr
    rows = rows_of(tmp_path / "out")
    assert rows["ada"].points == rows["bob"].points == 1 and attempts(tmp_path / "out") == 1
    pages = {name: (tmp_path / "out" / "students" / f"{name}.html").read_text() for name in rows}
    assert "bob" not in pages["ada"] and "ada" not in pages["bob"]


def test_exit_codes(batch: Batch, tmp_path: Path):
    make_class(tmp_path / "class", {"ada": "right", "bob": "wrong"})
    assert batch().returncode == 0
    assert batch("--fail-under", 20).returncode == 0
    assert batch("--fail-under", 50).returncode == 1
    for wrong, words in (
        (["--executor", "none"], "unknown executor 'none'; available: "),
        (["--executor", "local", "--executor-option", "a=1"], "unknown option of the executor 'local'; it has none"),
        (["--layout", "none"], "unknown layout 'none'; available: "),
        (["--gradebook", "nothing"], "'nothing' is not a database URL"),
        (["--exercise", "none"], "unknown exercise 'none'; available: double"),
    ):
        done = batch(*wrong)
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    (tmp_path / "empty").mkdir()
    empty = batch(path=tmp_path / "empty")
    assert empty.returncode == 2 and "no submissions found" in empty.stderr
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


@pytest.fixture
def faulty(tmp_path: Path) -> Callable[[str, str], Path]:
    """A course of its own with a fault of ours in it, and when it is met."""
    return lambda times, fault: make_course(tmp_path / "course", COUNTED.format(times=times, fault=fault))


FAULTS = {"1 / 0": [], "os.kill(os.getpid(), 9)": ["--executor", "local", "--jobs", 1]}
"""With what executor each is met: what kills a slot needs one with a process of its own."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_ours_is_met_twice_before_it_is_believed(fault: str, batch: Batch, tmp_path: Path, faulty):
    """A check that fails once, and a process that dies once, leave no trace but in time."""
    make_class(tmp_path / "class", {"ada": "right"})
    done = batch(*FAULTS[fault], course=faulty("== 1", fault))
    assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "out")["ada"].points == 5


@pytest.mark.parametrize(("fault", "students"), list(zip(FAULTS, ("ada bob", "ada"), strict=True)))
def test_a_lasting_fault_is_told_apart_and_costs_nobody_points(
    fault: str, students: str, batch: Batch, tmp_path: Path, faulty
):
    make_class(tmp_path / "class", dict(zip(students.split(), ("right", "wrong"), strict=False)))
    done = batch(*FAULTS[fault], course=faulty("> 0", fault))
    assert done.returncode == 3
    names = students.split()
    assert "internal error" in done.stderr and f"internal error  {len(names)}: {', '.join(names)}" in done.stdout
    rows = rows_of(tmp_path / "out")
    assert list(rows) == names
    for row in rows.values():
        assert row.grade.exercises[0].status == "broken" and row.grade.max_points == 0
    page = (tmp_path / "out" / "students" / "ada.html").read_text()
    assert "not your mistake" in page
    # what met a fault is not taken for graded: mended, the same command grades it
    assert batch().returncode == 0
    assert rows_of(tmp_path / "out")["ada"].points == 4


def test_a_slot_refuses_another_course(course: Path):
    """A machine whose course is not the same grades nothing."""
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
    shutil.copytree(course, open_to_all / "course")
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
    assert "--trust grades anyway" in refused.stderr
    assert trusted.returncode == 0, trusted.stderr
