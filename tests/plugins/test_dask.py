"""A cluster: what of it is refused, and that it grades as this machine does, whatever happens to its nodes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="no Dask: install the extra `cluster`")

import psutil  # a part of the extra

from grader.batch.gradebook import open_gradebook
from grader.batch.local_executor import LocalExecutor
from grader.batch.run import Batch
from grader.batch.worker import Task, TaskSpec, run_task
from grader.course.fingerprint import hash_of_course
from grader.course.layouts import Member, Part, Upload
from grader.course.settings import read_settings
from grader.intake.bundle import Bundle

ROOT = Path(__file__).parents[2]


@pytest.fixture
def make(course):
    """The executor that the plugin makes, from options whose dashes are underscores."""
    return lambda **options: course.executors["dask"].make({k.replace("_", "-"): v for k, v in options.items()}, 2)


# What is refused, before anything is sent.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either address= or scheduler-file="),
        ({"address": "tcp://127.0.0.1:1", "scheduler_file": "s.json"}, "not both"),
        ({"address": "tcp://127.0.0.1:1", "adress": "x"}, "no option 'adress'; it has address,"),
        ({"address": "tcp://10.1.2.3:8786"}, "open to the network"),
        ({"address": "10.1.2.3:8786"}, "open to the network"),
        ({"address": "tcp://0.0.0.0:8786"}, "open to the network"),
        ({"address": "tcp://[fe80::1]:8786"}, "open to the network"),
        ({"address": "tcp://localhost.example.org:8786"}, "open to the network"),
        ({"address": "ws://127.0.0.1:8786"}, "must be like tcp://127.0.0.1:8786"),
        ({"address": "tcp://127.0.0.1"}, "must be like tcp://127.0.0.1:8786"),
        ({"address": "tcp://127.0.0.1:port"}, "not an address"),
        ({"address": "tls://10.1.2.3:8786"}, "ca= is missing"),
        ({"address": "tls://10.1.2.3:8786", "ca": "nowhere.pem", "cert": "c", "key": "k"}, "ca=nowhere.pem: no such"),
        ({"address": "tcp://127.0.0.1:1", "gpu": "one"}, "gpu=one: expected a number"),
        ({"address": "tcp://127.0.0.1:1", "wait": "-1"}, "wait=-1: expected a number"),
        ({"address": "tcp://127.0.0.1:1", "wait": "nan"}, "wait=nan: expected a number"),
        ({"scheduler_file": "nowhere.json"}, "nowhere.json: not a Dask scheduler file"),
        ({"address": "tcp://127.0.0.1:1", "wait": "0.1"}, "no Dask scheduler answers at tcp://127.0.0.1:1"),
    ],
)
def test_what_will_not_do_is_refused_in_one_line(make, options, words):
    with pytest.raises(ValueError, match=re.escape(words)) as raised:
        make(**options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"address": 3}', '{"address": "tcp://10.1.2.3:8786"}'])
def test_a_scheduler_file_is_looked_at(make, tmp_path, text):
    file = tmp_path / "scheduler.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"not a Dask scheduler file|open to the network"):
        make(scheduler_file=str(file))


@pytest.mark.slow
def test_dask_is_imported_when_it_is_used_only():
    program = """if True:
        import sys
        from grader.course.loading import load_course
        from grader.course.settings import read_settings
        print("dask" in load_course(read_settings(), entry_points=False).executors)
        print({"dask", "distributed"} & set(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\nset()\n"


def test_the_example_of_an_executor_runs():
    """What plugins/README.md shows can be copied into a file as it stands."""
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "plugins" / "README.md").read_text(), re.DOTALL)
    [example] = [example for example in examples if "grader_executors" in example]
    plugin = {"__name__": "example"}
    exec(example, plugin)
    [spec] = plugin["grader_executors"]()
    with spec.make({"prefix": "desk"}, 2) as executor:
        assert executor.submit(sum, [1, 2]).result() == 3


# A real cluster.


class Cluster:
    """A scheduler and workers, each a process of its own, which can import what is in `folder`."""

    def __init__(self, folder: Path, *tls: str):
        self.folder, self._tls = folder, tls
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"{'tls' if tls else 'tcp'}://127.0.0.1:{port}"
        self.processes: list[subprocess.Popen] = []
        self._run("scheduler", "--host", "127.0.0.1", "--port", port, *(["--protocol", "tls"] if tls else []))

    def work(self, *options: object) -> subprocess.Popen:
        """One more worker."""
        where = () if "--listen-address" in options else ("--host", "127.0.0.1")
        return self._run("worker", self.address, "--local-directory", self.folder / "dask", *where, *options)

    def _run(self, what: str, *options: object) -> subprocess.Popen:
        tls = [option.replace("ROLE", what) for option in self._tls]
        command = [sys.executable, "-m", "dask", what, *map(str, options), "--no-dashboard", *tls]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("GRADE_")}
        with (self.folder / "cluster.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env={**clean, "PYTHONPATH": str(self.folder)}, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """End all of it, whatever it is doing."""
        end_tree(*reversed(self.processes))


def end_tree(*processes: subprocess.Popen) -> None:
    """End processes and all that they started; those that do not end when they are asked to are killed."""
    roots = [psutil.Process(process.pid) for process in processes if process.poll() is None]
    trees = [*roots, *(child for root in roots for child in root.children(recursive=True))]
    for process in processes:
        process.terminate()
    for left in psutil.wait_procs(trees, timeout=10)[1]:
        left.kill()
    for process in processes:
        process.wait()


JOBS = """
import os, time
import msgspec

class Job(msgspec.Struct, frozen=True):
    number: int
    seconds: float = 0.0

def double(job):
    time.sleep(job.seconds)
    return Job(2 * job.number)

def fail(job):
    raise KeyError(job.number)

def end(job):
    os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a module of jobs that this process and the nodes can import."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "dask_jobs.py").write_text(JOBS)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("dask_jobs", None)


@pytest.mark.slow
def test_an_executor_over_a_cluster(make, folder):
    """Results, exceptions, cancelled futures, strangers, lost workers, a lost scheduler."""
    from concurrent.futures import BrokenExecutor, wait

    import dask_jobs

    cluster = Cluster(folder)
    try:
        stray = cluster.work(*("--listen-address", "tcp://127.0.0.1:0", "--contact-address", "tcp://192.0.2.1:40000"))
        with pytest.raises(ValueError, match="what a worker listens on is open to the network"):
            make(address=cluster.address)
        end_tree(stray)
        with pytest.raises(ValueError, match="has no workers after 1 s: start some"):
            make(address=cluster.address, wait="1")
        cluster.work("--nthreads", "1")
        with pytest.raises(ValueError, match="no Dask worker offers the resource GPU=1"):
            make(address=cluster.address, gpu="1")
        with make(address=cluster.address, allowed_failures="0") as executor:
            doubled = executor.map(dask_jobs.double, map(dask_jobs.Job, range(5)))
            assert [job.number for job in doubled] == [0, 2, 4, 6, 8]
            assert repr(executor.submit(dask_jobs.fail, dask_jobs.Job(3)).exception()) == "KeyError(3)"
            slow = executor.submit(dask_jobs.double, dask_jobs.Job(1, 3.0))
            assert slow.cancel() and slow in wait([slow]).done
            for function, record in ((lambda job: job, dask_jobs.Job(1)), (dask_jobs.double, "text")):
                with pytest.raises(TypeError, match="sent to Dask"):
                    executor.submit(function, record)
            killer = executor.submit(dask_jobs.end, dask_jobs.Job(1)).exception()
            assert isinstance(killer, BrokenExecutor) and "Dask lost" in str(killer)
            last = executor.submit(dask_jobs.double, dask_jobs.Job(1, 5.0))
            cluster.processes[0].kill()
            assert isinstance(last.exception(), BrokenExecutor)
            with pytest.raises(BrokenExecutor, match="the Dask scheduler was lost"):
                executor.submit(dask_jobs.double, dask_jobs.Job(1))
        with pytest.raises(RuntimeError, match="after shutdown"):
            executor.submit(dask_jobs.double, dask_jobs.Job(1))
    finally:
        cluster.stop()


SUBMITTED = (
    *("reference", "no-tanh", "reversed-time", "double-only", "outputs-only", "time-first"),
    *("sigmoid", "torch-rnn", "state-reset", "missing-bias", "relu"),
)


@pytest.fixture
def handed_in(tmp_path):
    """Twelve submissions: right, wrong, not allowed, broken."""
    for name in SUBMITTED:
        home = ROOT / "solutions" if name == "reference" else ROOT / "solutions" / "my_rnn"
        shutil.copytree(home / name, tmp_path / "class" / name)
    (tmp_path / "class" / "broken").mkdir()
    (tmp_path / "class" / "broken" / "my_rnn.py").write_text("class MyRNN(:\n")
    return [Upload([Member(folder.name)], [Part("", folder)]) for folder in sorted((tmp_path / "class").iterdir())]


@pytest.fixture
def graded(course, handed_in, tmp_path):
    """Grade them with an executor, calling `meanwhile` after each; what the gradebook says, attempts counted."""
    settings = course.settings
    spec = TaskSpec(str(settings.folder), hash_of_course(settings), ["my_rnn"], "cpu", "none")

    def run(executor, name, meanwhile=lambda count: None):
        url = f"sqlite:///{tmp_path / name}.db"
        with open_gradebook(url, create=True) as book, executor:
            batch = Batch(course, spec, book, seed=3)
            plan = batch.plan(handed_in)
            for count, done in enumerate(batch.run(plan.todo, executor, 2), 1):
                assert done.fault is None, done.fault
                meanwhile(count)
            attempts = {row.student: len(book.history(row.student)) for row in book.rows()}
            return {row.student: told(row.grade) for row in book.rows()}, attempts

    return run


def told(grade):
    """What must be the same wherever it was graded."""
    checks = [(check.id, check.status, check.points) for exercise in grade.exercises for check in exercise.checks]
    return grade.status, grade.points, grade.flags, grade.seed, [one.status for one in grade.exercises], checks


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_grades_as_this_machine_does(make, graded, folder):
    """All grades arrive once, and nothing of the worker that was killed with -9 is left running."""
    here, _ = graded(LocalExecutor(1), "local")
    assert len(here) == 12 and len({points for _, points, *_ in here.values()}) > 3
    cluster = Cluster(folder)
    try:
        victim = cluster.work("--no-nanny", "--nthreads", "1")
        cluster.work("--nthreads", "2")  # with a nanny, whose child is a daemon; two slots in one process
        left: list[psutil.Process] = []

        def kill(count):
            if count == 4:
                left.extend(psutil.Process(victim.pid).children(recursive=True))
                victim.send_signal(signal.SIGKILL)

        there, attempts = graded(make(address=cluster.address), "dask", kill)
        assert there == here
        assert set(attempts.values()) == {1}
        assert left, "the worker that was killed had no jail"
        assert psutil.wait_procs(left, timeout=10)[1] == []
    finally:
        cluster.stop()


@pytest.mark.slow
def test_a_node_whose_course_differs_refuses(make, folder, tmp_path):
    shutil.copytree(ROOT / "exercises" / "my_rnn", tmp_path / "course" / "exercises" / "my_rnn")
    settings = read_settings(tmp_path / "course")
    before = TaskSpec(str(settings.folder), hash_of_course(settings), [], "cpu", "none")
    bundle = Bundle([("my_rnn.py", (ROOT / "solutions" / "reference" / "my_rnn.py").read_bytes())])
    cluster = Cluster(folder)
    try:
        cluster.work("--no-nanny", "--nthreads", "1")
        with make(address=cluster.address) as executor:
            graded = executor.submit(run_task, Task(before, 1, bundle)).result()
            assert graded.record is not None and graded.record.grade.percent == 100
            with (settings.folder / "exercises" / "my_rnn" / "laws.py").open("a") as laws:
                laws.write("# changed\n")
            after = TaskSpec(str(settings.folder), hash_of_course(settings), [], "cpu", "none")
            held = executor.submit(run_task, Task(after, 2, bundle)).result()
            differs = executor.submit(run_task, Task(before, 3, bundle)).result()
    finally:
        cluster.stop()
    assert held.record is None and "changed after a process loaded it" in held.refused
    assert differs.record is None and "differs from the one here" in differs.refused
