"""A cluster: what of it is refused, and that it grades as this machine does, whatever happens to its nodes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("distributed", reason="no Dask: install the extra `cluster`")

ROOT = Path(__file__).parents[1]


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
        ({"address": "tcp://127.0.0.1:port"}, "no address"),
        ({"address": "tls://10.1.2.3:8786"}, "ca= is missing"),
        ({"address": "tls://10.1.2.3:8786", "ca": "nowhere.pem", "cert": "c", "key": "k"}, "ca=nowhere.pem: no such"),
        ({"address": "tcp://127.0.0.1:1", "gpu": "one"}, "gpu=one: expected a number"),
        ({"address": "tcp://127.0.0.1:1", "wait": "-1"}, "wait=-1: expected a number"),
        ({"address": "tcp://127.0.0.1:1", "wait": "nan"}, "wait=nan: expected a number"),
        ({"scheduler_file": "nowhere.json"}, "nowhere.json: no scheduler file"),
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
    with pytest.raises(ValueError, match=r"no scheduler file|open to the network"):
        make(scheduler_file=str(file))


def test_without_the_extra_its_name_is_told(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=re.escape("pip install 'rnn-grader[cluster]'")):
        make(address="tcp://127.0.0.1:8786")


def test_dask_is_imported_when_it_is_used_only():
    program = """if True:
        import sys
        from grader.course import load_course
        from grader.settings import read_settings
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
        where = ("--host", "127.0.0.1", "--local-directory", self.folder / "dask")
        return self._run("worker", self.address, *where, *options)

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
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(30)


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


@pytest.fixture(scope="module")
def cluster(folder):
    cluster = Cluster(folder)
    yield cluster
    cluster.stop()


@pytest.mark.slow
def test_an_executor_over_a_cluster(make, folder):
    """Results, exceptions, cancelled futures, strangers, lost workers, a lost scheduler."""
    from concurrent.futures import BrokenExecutor, wait

    import dask_jobs

    cluster = Cluster(folder)
    try:
        with pytest.raises(ValueError, match="has no workers after 1 s: start some"):
            make(address=cluster.address, wait="1")
        cluster.work("--nthreads", "1")
        with pytest.raises(ValueError, match="no Dask worker offers the resource GPU=1"):
            make(address=cluster.address, gpu="1")
        with make(address=cluster.address, allowed_failures="1") as executor:
            assert [job.number for job in executor.map(dask_jobs.double, map(dask_jobs.Job, range(5)))] == [
                0,
                2,
                4,
                6,
                8,
            ]
            assert repr(executor.submit(dask_jobs.fail, dask_jobs.Job(3)).exception()) == "KeyError(3)"
            slow = executor.submit(dask_jobs.double, dask_jobs.Job(1, 3.0))
            assert slow.cancel() and slow in wait([slow]).done
            for function, record in ((lambda job: job, dask_jobs.Job(1)), (dask_jobs.double, "text")):
                with pytest.raises(TypeError, match="is sent to Dask"):
                    executor.submit(function, record)
            killer = executor.submit(dask_jobs.end, dask_jobs.Job(1)).exception()
            assert isinstance(killer, BrokenExecutor) and "Dask lost" in str(killer)
            last = executor.submit(dask_jobs.double, dask_jobs.Job(1, 60.0))
            cluster.processes[0].kill()
            assert isinstance(last.exception(), BrokenExecutor)
            with pytest.raises(BrokenExecutor, match="the Dask scheduler was lost"):
                executor.submit(dask_jobs.double, dask_jobs.Job(1))
        with pytest.raises(RuntimeError, match="after shutdown"):
            executor.submit(dask_jobs.double, dask_jobs.Job(1))
    finally:
        cluster.stop()


@pytest.mark.slow
def test_a_worker_that_listens_beyond_this_machine_is_refused(make, folder):
    cluster = Cluster(folder)
    try:
        cluster.work("--contact-address", "tcp://192.0.2.1:40000", "--no-nanny")
        with pytest.raises(ValueError, match="192.0.2.1:40000: what a worker listens on is open to the network"):
            make(address=cluster.address)
    finally:
        cluster.stop()
